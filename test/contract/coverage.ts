import type Letta from '@letta-ai/letta-client'

const words = (text: string): string[] => text.trim().split(/\s+/)

/** Stored objects and plain requests. */
const core = words(`
  health
  agents.create agents.retrieve agents.update agents.list agents.delete agents.exportFile agents.importFile agents.recompile
  agents.messages.list agents.messages.reset
  agents.blocks.retrieve agents.blocks.update agents.blocks.list agents.blocks.attach agents.blocks.detach
  agents.tools.list agents.tools.attach agents.tools.detach agents.tools.updateApproval
  agents.folders.list agents.folders.attach agents.folders.detach
  agents.files.list agents.files.close agents.files.closeAll agents.files.open
  agents.archives.attach agents.archives.detach
  agents.passages.list agents.passages.delete
  agents.identities.attach agents.identities.detach
  blocks.create blocks.retrieve blocks.update blocks.list blocks.delete blocks.agents.list
  archives.create archives.retrieve archives.update archives.list archives.delete archives.passages.delete
  folders.create folders.retrieve folders.update folders.list folders.delete
  folders.files.retrieve folders.files.list folders.files.delete folders.agents.list
  conversations.create conversations.retrieve conversations.update conversations.list conversations.delete
  conversations.fork conversations.recompile conversations.messages.list
  messages.retrieve messages.list
  runs.retrieve runs.list runs.messages.list runs.steps.list runs.usage.retrieve
  steps.retrieve steps.list steps.messages.list steps.metrics.retrieve steps.trace.retrieve steps.feedback.create
  tools.create tools.retrieve tools.update tools.list tools.delete tools.upsert
  mcpServers.retrieve mcpServers.update mcpServers.list mcpServers.delete mcpServers.tools.retrieve mcpServers.tools.list
  models.list models.embeddings.list tags.list
`)

/** What needs a model, an embedding model, a sandbox, an MCP server or a running turn. */
const runtime = words(`
  agents.messages.create agents.messages.cancel agents.messages.compact agents.messages.createAsync agents.messages.stream
  agents.tools.run agents.passages.create agents.passages.search
  archives.passages.create archives.passages.createMany passages.search folders.files.upload
  conversations.cancel conversations.messages.create conversations.messages.compact conversations.messages.stream
  messages.search runs.messages.stream runs.trace.retrieve tools.search
  mcpServers.create mcpServers.refresh mcpServers.tools.run
`)

/** Methods that only the hosted service of the SDK's makers answers. */
const cloudOnly = words(`
  agents.schedule.create agents.schedule.retrieve agents.schedule.list agents.schedule.delete
  templates.create templates.update templates.delete templates.rollback templates.save templates.agents.create
  environments.retrieve environments.list environments.sendMessage
  accessTokens.create accessTokens.list accessTokens.delete
`)

/** Every method of the SDK (1.12.1), by what serving it takes. */
export const sdkMethods = { core, runtime, cloudOnly }

type Resource = Record<string, unknown> & { _client?: unknown }

const isResource = (value: unknown): value is Resource => typeof value === 'object' && value !== null && '_client' in value

/** The methods of a client, by their dotted names, each with the object that has it. `health` is the only one of the client itself. */
export function methodsOf(client: Letta): Map<string, { owner: Resource; key: string }> {
  const found = new Map<string, { owner: Resource; key: string }>()
  const visit = (owner: Resource, prefix: string) => {
    for (const key of Object.getOwnPropertyNames(Object.getPrototypeOf(owner))) {
      if (key !== 'constructor' && !key.startsWith('_')) found.set(prefix + key, { owner, key })
    }
    for (const [name, child] of Object.entries(owner)) if (isResource(child)) visit(child, `${prefix}${name}.`)
  }
  const root = client as unknown as Resource
  found.set('health', { owner: root, key: 'health' })
  for (const [name, child] of Object.entries(root)) if (isResource(child)) visit(child, `${name}.`)
  return found
}

/** Notes in `called` each method of the client that the server has answered well. */
export function record(client: Letta, called: Set<string>): Letta {
  for (const [name, { owner, key }] of methodsOf(client)) {
    const method = owner[key] as (...args: unknown[]) => PromiseLike<unknown>
    owner[key] = (...args: unknown[]) => {
      const result = method.apply(owner, args)
      void result.then(
        () => called.add(name),
        () => {},
      )
      return result
    }
  }
  return client
}
