import type { Answer, Call } from './client'

// biome-ignore lint/suspicious/noExplicitAny: a test asserts what a file holds; typing it first would assert it twice
export type Loose = any

/** The form that imports a file, given as text or as a value. */
export function importForm(file: unknown, fields: Record<string, string> = {}): FormData {
  const form = new FormData()
  form.append('file', new File([typeof file === 'string' ? file : JSON.stringify(file)], 'agent.af'))
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

/** Imports a file. */
export const importFile = (call: Call, file: unknown, fields: Record<string, string> = {}, headers: Record<string, string> = {}) =>
  call<Loose>('POST', '/v1/agents/import', importForm(file, fields), headers)

const config = {
  llm_config: { handle: 'loci/scripted', model: 'scripted', model_endpoint_type: 'openai', context_window: 32_000 },
  embedding_config: null,
  system: 'Be brief.',
  agent_type: 'letta_v1_agent',
  include_base_tools: false,
}

/** A message of a file. */
export const message = (n: number, role: string, more: Record<string, unknown> = {}) => ({
  type: 'message',
  id: `message-${n}`,
  role,
  content: role === 'tool' ? [] : [{ type: 'text', text: `${role} ${n}` }],
  created_at: new Date(Date.UTC(2025, 5, 1) + n * 1000).toISOString(),
  ...more,
})

export const toolCall = (id: string, name: string, args: unknown = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: JSON.stringify(args) },
})

/** A tool of a file, with code of its own. */
export const customTool = (code: string, more: Record<string, unknown> = {}) => ({
  id: 'tool-0',
  name: 'roll',
  tool_type: 'custom',
  source_type: 'python',
  source_code: code,
  json_schema: { name: 'roll', description: 'Rolls.', parameters: { type: 'object', properties: {} } },
  ...more,
})

/** What the format's own server makes of the result of a tool. */
export const packed = (message: unknown, status = 'OK') => JSON.stringify({ status, message, time: '2025-06-01 12:00:00 AM UTC+0000' })

/** A file of one agent. */
export const agentFile = (agent: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) => ({
  agents: [{ id: 'agent-0', name: 'Ada', ...config, block_ids: [], tool_ids: [], messages: [], in_context_message_ids: [], ...agent }],
  groups: [],
  blocks: [],
  files: [],
  sources: [],
  tools: [],
  mcp_servers: [],
  metadata: { revision_id: 'b1c2d3e4f5a6' },
  created_at: '2025-06-01T00:00:00+00:00',
  ...rest,
})

/** The one agent that an import made. */
export function onlyAgent(answer: Answer<Loose>): string {
  if (answer.status !== 200) throw new Error(`import: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body.agent_ids[0]
}

/** A file without what differs between two exports of equal agents: times of writing, and the compiled system message. */
export function comparable(file: Loose): Loose {
  const { created_at: _, ...rest } = structuredClone(file)
  for (const agent of rest.agents) {
    for (const one of agent.messages) if (one.role === 'system') one.content = 'compiled'
    for (const attachment of agent.files_agents) delete attachment.last_accessed_at
  }
  return rest
}
