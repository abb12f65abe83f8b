import { env } from 'cloudflare:workers'
import { insertRows } from '../../src/db/rows'
import type { Env } from '../../src/env'
import { unwrap } from '../../src/lib/errors'
import { newId } from '../../src/lib/id'
import { agents } from '../../src/resources/agents/table'
import { attachBlocks, newBlocks } from '../../src/resources/blocks/service'
import { organizations } from '../../src/resources/organizations/table'
import { builtinTools } from '../../src/resources/tools/builtins'
import { tools } from '../../src/resources/tools/table'
import { users } from '../../src/resources/users/table'
import type { RunResult, Scope } from '../../src/runtime/rpc'
import { submission } from './submission'

export const bindings = env as unknown as Env

/** A fresh organization with one user, straight in D1. */
export async function freshScope(): Promise<Scope> {
  const scope = { organization_id: newId('organization'), user_id: newId('user') }
  await bindings.DB.batch([
    insertRows(bindings.DB, organizations, [{ id: scope.organization_id, name: 'test' }]),
    insertRows(bindings.DB, users, [{ id: scope.user_id, organization_id: scope.organization_id, name: 'test' }]),
  ])
  return scope
}

/** A fresh agent of the scope, with the scripted model and no tools or blocks. */
export async function freshAgent(scope: Scope, fields: Partial<typeof agents.$inferInsert> = {}): Promise<string> {
  const id = newId('agent')
  const row = {
    name: 'test',
    system: 'Be brief.',
    model: 'loci/scripted',
    llm_config: { context_window: 32_000 },
    ...fields,
    id,
    organization_id: scope.organization_id,
  }
  await insertRows(bindings.DB, agents, [row as typeof agents.$inferSelect]).run()
  return id
}

export const agentStub = (id: string) => bindings.AGENT.getByName(id)

export { submission }

/** Sends one message and resolves with the end of its run. */
export async function send(
  scope: Scope,
  agentId: string,
  text: string,
  overrides: Parameters<typeof submission>[1] = {},
): Promise<RunResult> {
  return unwrap((await agentStub(agentId).send(scope, submission(text, overrides))) as never)
}

export const sentences = (result: RunResult): string[] =>
  result.messages.flatMap((m) => (m.message_type === 'assistant_message' && typeof m.content === 'string' ? [m.content] : []))

/** An agent's messages in D1, in order. */
export async function storedMessages(agentId: string) {
  const { results } = await bindings.DB.prepare('select * from messages where agent_id = ?1 order by sequence_id')
    .bind(agentId)
    .all<Record<string, unknown>>()
  return results
}

/** Gives an agent the built-in tools of these names. */
export async function giveTools(scope: Scope, agentId: string, names: string[]): Promise<void> {
  const rows = builtinTools
    .filter((tool) => names.includes(tool.name))
    .map(({ name, tool_type, description, json_schema }) => ({
      id: newId('tool'),
      organization_id: scope.organization_id,
      name,
      tool_type,
      description,
      json_schema,
    }))
  await bindings.DB.batch([
    insertRows(bindings.DB, tools, rows, 'on conflict do nothing'),
    bindings.DB.prepare(
      'insert into tools_agents (agent_id, tool_id) select ?1, id from tools where organization_id = ?2 and name in (select value from json_each(?3))',
    ).bind(agentId, scope.organization_id, JSON.stringify(names)),
  ])
}

/** A fresh block, attached to the agents. */
export async function freshBlock(
  scope: Scope,
  agentIds: string[],
  fields: { label: string; value: string; limit?: number; read_only?: boolean },
): Promise<string> {
  const by = { organization_id: scope.organization_id, actor_type: 'letta_user' as const, actor_id: scope.user_id, user_id: scope.user_id }
  const { rows, statements } = newBlocks(bindings.DB, by, [fields])
  const id = rows[0]?.id as string
  await bindings.DB.batch([...statements, ...agentIds.flatMap((agent) => attachBlocks(bindings.DB, scope.organization_id, agent, [id]))])
  return id
}

export const blockRow = (id: string) => bindings.DB.prepare('select * from block where id = ?1').bind(id).first<Record<string, unknown>>()
