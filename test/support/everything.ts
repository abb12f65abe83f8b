import { insertRows } from '../../src/db/rows'
import { seal } from '../../src/lib/crypto'
import { newId } from '../../src/lib/id'
import { deliveries, deliveryAttempts } from '../../src/resources/deliveries/table'
import { mcpServers, mcpTools } from '../../src/resources/mcp-servers/table'
import { providerModels, providers } from '../../src/resources/providers/table'
import { bindings } from './agent'
import { type Call, freshOrganization, type Member } from './client'
import { uploaded } from './files'

const { DB } = bindings

/** An organization with one row of everything. `ids` is keyed by the names that path parameters have. */
export interface Everything extends Member {
  ids: Record<string, string>
}

async function made(call: Call, path: string, body: unknown, method = 'POST') {
  const answer = await call(method, path, body)
  if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** A batch, when all of it is done. */
async function ended(call: Call, batch: { id: string }) {
  for (;;) {
    const { body } = await call('GET', `/v1/messages/batches/${batch.id}`)
    if (body.completed_at !== null) return batch
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A webhook that was delivered at the first try. Nothing is sent. */
async function delivered(organization_id: string, agent_id: string, run_id: string, marker: string): Promise<string> {
  const id = newId('delivery')
  const at = new Date().toISOString()
  const owner = { organization_id, agent_id, run_id }
  const delivery = { ...owner, id, event: 'run.completed', url: `https://${marker}.example/hook`, status: 'delivered' as const }
  const attempt = {
    id: newId('deliveryAttempt'),
    delivery_id: id,
    number: 1,
    manual: false,
    started_at: at,
    duration_ms: 1,
    status_code: 200,
  }
  await DB.batch([
    insertRows(DB, deliveries, [{ ...delivery, attempts: 1, delivered_at: at, last_status_code: 200, created_at: at, updated_at: at }]),
    insertRows(DB, deliveryAttempts, [{ ...attempt, organization_id, response_excerpt: marker }]),
  ])
  return id
}

/** A model provider with one model, and an MCP server, that cannot be reached: nothing is asked. */
async function outsideServers(organization_id: string, tool_id: string, marker: string): Promise<Record<string, string>> {
  const secret = await seal(bindings.ENCRYPTION_KEY as string, marker)
  const provider_id = newId('provider')
  const mcp_server_id = newId('mcpServer')
  const url = `https://${marker}.example/v1`
  const provider = { id: provider_id, organization_id, name: marker, provider_type: 'openai', provider_category: 'byok' }
  const model = { display_name: marker, name: marker, model_type: 'llm' as const, enabled: true, model_endpoint_type: 'openai' }
  const server = { id: mcp_server_id, organization_id, server_name: `${marker}-server`, server_type: 'streamable_http' as const }
  await DB.batch([
    insertRows(DB, providers, [{ ...provider, base_url: url, api_key_enc: secret }]),
    insertRows(DB, providerModels, [{ ...model, organization_id, provider_id, handle: `${marker}/${marker}` }]),
    insertRows(DB, mcpServers, [{ ...server, server_url: url, token_enc: secret, metadata: {} }]),
    insertRows(DB, mcpTools, [{ organization_id, mcp_server_id, tool_id }]),
  ])
  return { provider_id, mcp_server_id, mcp_server_name: server.server_name, mcp_tool_name: marker }
}

/** A fresh organization with one of everything; `marker`, a word in lower case, is in every text of it. */
export async function organizationWithEverything(marker: string): Promise<Everything> {
  const member = await freshOrganization()
  const { call, organization_id, user_id } = member
  const tool = await made(call, '/v1/tools', {
    source_code: `// ${marker}`,
    source_type: 'typescript',
    json_schema: { name: `${marker}_tool`, description: marker, parameters: { type: 'object', properties: {} } },
    tags: [marker],
  })
  const block = await made(call, '/v1/blocks', { label: 'notes', value: marker, description: marker, tags: [marker] })
  const deployment = `deployment ${crypto.randomUUID()}`
  const folder = await made(call, '/v1/folders', { name: 'library', description: marker, instructions: marker, metadata: { marker } })
  const file_id = await uploaded(call, folder.id, marker, `${marker}.txt`)
  const agent = await made(call, '/v1/agents', {
    name: marker,
    description: marker,
    system: marker,
    memory_blocks: [{ label: 'human', value: marker }],
    block_ids: [block.id],
    tool_ids: [tool.id],
    folder_ids: [folder.id],
    tags: [marker],
    secrets: { KEY: marker },
    metadata: { marker },
    deployment_id: deployment,
  })
  const identity = await made(call, '/v1/identities', {
    identifier_key: marker,
    name: marker,
    identity_type: 'user',
    properties: [{ key: marker, value: marker, type: 'string' }],
    agent_ids: [agent.id],
    block_ids: [block.id],
  })
  const group = await made(call, '/v1/groups', { agent_ids: [agent.id], description: marker, shared_block_ids: [block.id] })
  const conversation = await made(call, `/v1/conversations?agent_id=${agent.id}`, {
    summary: marker,
    description: marker,
    isolated_block_labels: ['human'],
  })
  const archive = await made(call, '/v1/archives', { name: marker, description: marker, metadata: { marker } })
  await made(call, `/v1/agents/${agent.id}/archives/attach/${archive.id}`, undefined, 'PATCH')
  // The word that requests which are made up from the document look for.
  const said = `${marker} sample`
  const input = `/call memory_insert {"label":"notes","new_string":"${marker}"}\n/say ${said}`
  const passage = await made(call, `/v1/archives/${archive.id}/passages`, { text: said, tags: [marker], metadata: { marker } })
  const [memory] = await made(call, `/v1/agents/${agent.id}/archival-memory`, { text: said, tags: [marker] })
  const turn = await made(call, `/v1/agents/${agent.id}/messages`, { input })
  await made(call, `/v1/conversations/${conversation.id}/messages`, { input: `/say ${said}`, streaming: false })
  await made(call, `/v1/blocks/${block.id}`, { value: `${marker} ${marker}` }, 'PATCH')
  await made(call, `/v1/blocks/${block.id}/undo`, {})
  const { step_id, run_id, id: message_id } = turn.messages[0]
  await made(call, `/v1/steps/${step_id}/feedback`, { feedback: 'positive', tags: [marker] }, 'PATCH')
  const batch = await ended(call, await made(call, '/v1/messages/batches', { requests: [{ agent_id: agent.id, input: `/say ${said}` }] }))
  const key = await made(call, '/v1/api-keys', { name: marker })
  const sandbox = await made(call, '/v1/sandbox-config', { config: { sandbox_dir: marker } })
  const variable = await made(call, `/v1/sandbox-config/${sandbox.id}/environment-variable`, {
    key: 'KEY',
    value: marker,
    description: marker,
  })
  const ids = {
    agent_id: agent.id,
    archive_id: archive.id,
    memory_id: memory.id,
    passage_id: passage.id,
    block_id: block.id,
    block_label: 'notes',
    version: '1',
    conversation_id: conversation.id,
    message_id,
    run_id,
    step_id,
    group_id: group.id,
    identity_id: identity.id,
    tool_id: tool.id,
    tool_name: 'memory_insert',
    api_key_id: key.id,
    file_id,
    folder_id: folder.id,
    folder_name: 'library',
    source_id: folder.id,
    source_name: 'library',
    delivery_id: await delivered(organization_id, agent.id, run_id, marker),
    deployment_id: deployment,
    transaction_id: 'invoice-17',
    job_id: batch.id,
    batch_id: batch.id,
    organization_id,
    sandbox_config_id: sandbox.id,
    environment_variable_id: variable.id,
    user_id,
    ...(await outsideServers(organization_id, tool.id, marker)),
  }
  return { ...member, ids }
}

/** Tables that requests may write to although they change nothing: when a key was used, and answers kept for `Idempotency-Key`. */
const aside = ['idempotency_keys', 'd1_migrations', 'hostile_writes']

/** The organizations that are there now: those of other tests, whose deliveries and alarms may still be at work. */
export async function bystanders(): Promise<string[]> {
  const { results } = await DB.prepare('select id from organizations').all<{ id: string }>()
  return results.map(({ id }) => id)
}

/** Every row of every table but those of the organizations `besides`, as text that can be compared. */
export async function dump(besides: string[]): Promise<Record<string, string[]>> {
  const { results } = await DB.prepare(
    `select t.name, (select c.name from pragma_table_info(t.name) c where c.name = 'organization_id') as owned from sqlite_master t
      where t.type = 'table' and t.name not like 'sqlite_%' and t.name not like '\\_cf%' escape '\\' and t.name not like '%\\_fts%' escape '\\'`,
  ).all<{ name: string; owned: string | null }>()
  const tables = results.filter(({ name }) => !aside.includes(name))
  const others = '(select value from json_each(?1))'
  const rows = await DB.batch<Record<string, unknown>>(
    tables.map(({ name, owned }) => {
      const mine = owned
        ? `where ${owned} not in ${others}`
        : name === 'organizations'
          ? `where id not in ${others}`
          : 'where ?1 is not null'
      return DB.prepare(`select * from "${name}" ${mine}`).bind(JSON.stringify(besides))
    }),
  )
  return Object.fromEntries(
    tables.map(({ name }, i) => [name, (rows[i]?.results ?? []).map(({ last_used_at: _, ...row }) => JSON.stringify(row)).sort()]),
  )
}
