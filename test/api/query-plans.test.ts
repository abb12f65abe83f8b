import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshOrganization } from '../support/client'
import { made, uploaded } from '../support/files'

const { DB } = env as unknown as { DB: D1Database }
const prototype = Object.getPrototypeOf(DB) as D1Database
const original = prototype.prepare
const seen: string[] = []

/** Every list of the API with the filters that people use, and the ids it needs. */
const lists = (ids: Record<string, string>): string[] => [
  '/v1/agents/',
  '/v1/agents/?order=asc',
  '/v1/agents/?order_by=last_run_completion',
  '/v1/agents/?order_by=updated_at',
  '/v1/agents/?name=a',
  `/v1/agents/?after=${ids.agent}`,
  '/v1/agents/?include=agent.blocks&include=agent.tools&include=agent.tags',
  `/v1/agents/?identity_id=${ids.identity}`,
  '/v1/agents/?identifier_keys=key',
  '/v1/agents/?include=agent.identities&include=agent.managed_group',
  `/v1/agents/${ids.agent}/groups`,
  '/v1/blocks/',
  `/v1/blocks/?identity_id=${ids.identity}`,
  '/v1/blocks/?identifier_keys=key',
  '/v1/blocks/?label=human',
  `/v1/blocks/${ids.block}/agents`,
  `/v1/blocks/${ids.block}/versions`,
  `/v1/agents/${ids.agent}/core-memory/blocks`,
  `/v1/agents/${ids.agent}/tools`,
  '/v1/archives/',
  '/v1/archives/?name=a',
  `/v1/archives/?agent_id=${ids.agent}`,
  `/v1/archives/${ids.archive}/agents`,
  `/v1/agents/${ids.agent}/archival-memory`,
  `/v1/agents/${ids.agent}/archival-memory?ascending=false&search=a`,
  `/v1/agents/${ids.agent}/archival-memory/search?query=a&tags=b`,
  '/v1/tools/',
  '/v1/tools/?name=send_message',
  '/v1/conversations/',
  `/v1/conversations/?agent_id=${ids.agent}`,
  '/v1/conversations/?order_by=last_message_at',
  '/v1/conversations/?order_by=last_run_completion&order=asc',
  `/v1/conversations/?agent_id=${ids.agent}&order_by=last_message_at`,
  `/v1/conversations/?agent_id=${ids.agent}&order_by=last_run_completion`,
  '/v1/groups/',
  '/v1/groups/?manager_type=sleeptime',
  `/v1/groups/?manager_agent_id=${ids.agent}`,
  `/v1/groups/?after=${ids.group}&order=desc`,
  `/v1/groups/${ids.group}/messages`,
  '/v1/identities/',
  '/v1/identities/?identifier_key=key',
  '/v1/identities/?name=a',
  `/v1/identities/${ids.identity}/agents`,
  `/v1/identities/${ids.identity}/blocks`,
  '/v1/messages/',
  `/v1/agents/${ids.agent}/messages`,
  `/v1/agents/${ids.agent}/messages?order=asc`,
  `/v1/agents/${ids.agent}/messages?conversation_id=default`,
  `/v1/conversations/${ids.conversation}/messages`,
  `/v1/runs/${ids.run}/messages`,
  `/v1/runs/${ids.run}/steps`,
  '/v1/runs/',
  `/v1/runs/?agent_id=${ids.agent}`,
  `/v1/runs/?conversation_id=${ids.conversation}`,
  '/v1/runs/?active=true',
  '/v1/steps/',
  `/v1/steps/?agent_id=${ids.agent}`,
  `/v1/runs/${ids.run}/trace`,
  `/v1/steps/${ids.step}/trace`,
  '/v1/_internal_runs/',
  '/v1/_internal_runs/?order_by=duration',
  '/v1/_internal_runs/?duration_percentile=50&tools_used=a&step_count=1',
  '/v1/_internal_templates/deployment/d',
  '/v1/jobs/',
  '/v1/jobs/?active=true',
  '/v1/messages/batches',
  `/v1/messages/batches/${ids.batch}/messages`,
  '/v1/folders/',
  '/v1/folders/?name=docs',
  '/v1/folders/metadata?include_detailed_per_source_metadata=true',
  `/v1/folders/${ids.folder}/agents`,
  `/v1/folders/${ids.folder}/files`,
  `/v1/folders/${ids.folder}/files?order=asc&include_content=true`,
  `/v1/folders/${ids.folder}/passages`,
  '/v1/agents/?include=agent.sources',
  `/v1/agents/${ids.agent}/files`,
  `/v1/agents/${ids.agent}/files?is_open=true&order=asc`,
  `/v1/agents/${ids.agent}/folders`,
  '/v1/deliveries/',
  `/v1/runs/${ids.run}/deliveries`,
  `/v1/agents/${ids.agent}/export`,
  `/v1/agents/${ids.agent}/export?conversation_id=${ids.conversation}`,
  '/v1/api-keys/',
  '/v1/tags/',
  '/v1/models/',
  '/v1/models/embedding',
  '/v1/mcp-servers/',
  `/v1/mcp-servers/${ids.mcpServer}/tools`,
  '/v1/tools/mcp/servers',
  '/v1/providers/',
  '/v1/providers/?name=a&order=asc',
  '/v1/sandbox-config/',
  '/v1/sandbox-config/?sandbox_type=local',
  `/v1/sandbox-config/${ids.sandbox}/environment-variable`,
]

/** Lists that are asked for by POST. */
const searches = (ids: Record<string, string>) =>
  [{}, { archive_id: ids.archive }, { agent_id: ids.agent }, { query: 'a', tags: ['b'] }].map(
    (body) => ['/v1/passages/search', body] as const,
  )

describe('every list', () => {
  const ids: Record<string, string> = {}
  let call: Awaited<ReturnType<typeof freshOrganization>>['call']

  beforeAll(async () => {
    call = (await freshOrganization()).call
    const folder = (await made(call, '/v1/folders', { name: 'docs' })).id
    await uploaded(call, folder, 'text', 'a.txt')
    const agent = (
      await call('POST', '/v1/agents/', {
        name: 'a',
        model: 'loci/scripted',
        deployment_id: 'd',
        memory_blocks: [{ label: 'human', value: 'Ada' }],
        folder_ids: [folder],
      })
    ).body
    const [passage] = (await call('POST', `/v1/agents/${agent.id}/archival-memory`, { text: 'a', tags: ['b'] })).body
    const conversation = (await call('POST', `/v1/conversations/?agent_id=${agent.id}`, {})).body
    const sent = (await call('POST', `/v1/agents/${agent.id}/messages`, { input: 'hello' })).body
    const batch = (await call('POST', '/v1/messages/batches', { requests: [{ agent_id: agent.id, input: '/say hi' }] })).body
    const group = (await call('POST', '/v1/groups/', { agent_ids: [agent.id], description: 'g' })).body
    const fields = { identifier_key: 'key', name: 'a', identity_type: 'user', agent_ids: [agent.id] }
    const identity = (await call('POST', '/v1/identities/', fields)).body
    Object.assign(ids, { group: group.id, identity: identity.id })
    Object.assign(ids, {
      agent: agent.id,
      archive: passage.archive_id,
      block: agent.blocks[0].id,
      conversation: conversation.id,
      run: sent.messages[0].run_id,
      step: sent.messages[0].step_id,
      batch: batch.id,
      folder,
    })
    const server = { server_name: 'a', config: { mcp_server_type: 'sse', server_url: 'https://a.example/sse' } }
    ids.mcpServer = (await call('POST', '/v1/mcp-servers', server)).body.id
    ids.sandbox = (await call('POST', '/v1/sandbox-config/local/default')).body.id
    prototype.prepare = function (this: D1Database, query: string) {
      seen.push(query)
      return original.call(this, query)
    }
  })
  afterAll(() => {
    prototype.prepare = original
  })

  it('is answered from an index, without a full scan or a temporary sort', async () => {
    const offences: string[] = []
    for (const [path, body] of [...lists(ids).map((path) => [path] as const), ...searches(ids)]) {
      seen.length = 0
      const { status } = await call(body ? 'POST' : 'GET', path, body)
      expect([path, status]).toEqual([path, 200])
      expect(seen.filter((query) => !query.includes('api_keys')).length, path).toBeGreaterThan(path.includes('api-keys') ? -1 : 0)
      for (const query of new Set(seen.filter((text) => /^\s*(select|with)/i.test(text)))) {
        const parameters = Array.from({ length: 100 }, () => null).slice(
          0,
          Math.max(0, ...(query.match(/\?(\d+)/g) ?? []).map((p) => Number(p.slice(1)))) || (query.match(/\?/g)?.length ?? 0),
        )
        const { results } = await original
          .call(DB, `explain query plan ${query}`)
          .bind(...parameters)
          .all<{ detail: string }>()
        for (const { detail } of results) {
          if (
            /^SCAN (?!json_each|value|messages_fts|c\b|f\b|each\b|found\b|term\b|entry\b|CONSTANT ROW|\()/.test(detail) ||
            /TEMP B-TREE FOR (LAST TERM OF )?ORDER BY/.test(detail)
          )
            offences.push(`${path}: ${detail} in ${query.slice(0, 300)}`)
        }
      }
    }
    expect(offences).toEqual([])
  })
})
