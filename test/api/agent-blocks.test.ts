import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { attachBlocks } from '../../src/resources/blocks/service'
import { freshAgent } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }

async function setup() {
  const member = await freshOrganization()
  const agentId = await freshAgent(member)
  return { ...member, agentId, memory: `/v1/agents/${agentId}/core-memory` }
}
const block = async (call: Call, label: string, value = ''): Promise<string> => (await call('POST', '/v1/blocks', { label, value })).body.id
const labels = (rows: { label: string }[]) => rows.map((row) => row.label)

describe('the blocks of an agent', () => {
  it('are attached at the end and detached, and the answer is the agent', async () => {
    const { call, agentId, memory } = await setup()
    const ids = [await block(call, 'human', 'Ada'), await block(call, 'notes')]
    for (const id of ids) {
      const { status, body } = await call('PATCH', `${memory}/blocks/attach/${id}`)
      expect([status, body.id]).toEqual([200, agentId])
    }
    const attached = await call('PATCH', `${memory}/blocks/attach/${await block(call, 'alpha')}`)
    expect(labels(attached.body.blocks)).toEqual(['human', 'notes', 'alpha'])
    const detached = await call('PATCH', `${memory}/blocks/detach/${ids[0]}`)
    expect(labels(detached.body.blocks)).toEqual(['notes', 'alpha'])
    expect((await call('GET', `/v1/blocks/${ids[0]}`)).body.value).toBe('Ada')
    expect((await call('PATCH', `${memory}/blocks/detach/${ids[0]}`)).status).toBe(404)
  })
  it('are listed newest first and page by id', async () => {
    const { call, memory } = await setup()
    const ids: string[] = []
    for (const label of ['a', 'b', 'c', 'd']) ids.push(await block(call, label))
    for (const id of [ids[2], ids[0], ids[3], ids[1]]) await call('PATCH', `${memory}/blocks/attach/${id}`)
    const list = async (query: string) => labels((await call('GET', `${memory}/blocks?${query}`)).body)
    expect(await list('')).toEqual(['d', 'c', 'b', 'a'])
    expect(await list(`order=asc&after=${ids[0]}&limit=2`)).toEqual(['b', 'c'])
    expect(await list(`order=asc&before=${ids[3]}&limit=2`)).toEqual(['b', 'c'])
    expect(await list(`after=${ids[0]}`)).toEqual([])
    expect((await call('GET', `${memory}/blocks?after=block-00000000-0000-4000-8000-00000000dead`)).status).toBe(404)
  })
  it('are one memory, in the order in which they were attached', async () => {
    const { call, memory } = await setup()
    const [first, second] = [await block(call, 'b'), await block(call, 'a')]
    for (const id of [second, first]) await call('PATCH', `${memory}/blocks/attach/${id}`)
    const { body } = await call('GET', memory)
    expect(labels(body.blocks)).toEqual(['a', 'b'])
    expect(body).toMatchObject({ agent_type: 'letta_v1_agent', git_enabled: false, file_blocks: [], prompt_template: '' })
  })
  it('are read and changed by label, with slashes and spaces in it', async () => {
    const { call, memory } = await setup()
    const id = await block(call, 'org/team notes', 'one')
    await call('PATCH', `${memory}/blocks/attach/${id}`)
    const path = `${memory}/blocks/${encodeURIComponent('org/team notes')}`
    const read = await call('GET', path)
    expect([read.body.id, read.headers.get('etag')]).toEqual([id, `"${id}:1"`])
    const changed = await call('PATCH', path, { value: 'two' }, { 'if-match': `"${id}:1"` })
    expect([changed.body.value, changed.body.version]).toEqual(['two', 2])
    expect((await call('PATCH', path, { value: 'three' }, { 'if-match': `"${id}:1"` })).status).toBe(412)
    expect((await call('GET', `${memory}/blocks/org`)).status).toBe(404)
  })
  it('follow a new label, and refuse one that the agent uses', async () => {
    const { call, memory } = await setup()
    const [human, notes] = [await block(call, 'human'), await block(call, 'notes')]
    for (const id of [human, notes]) await call('PATCH', `${memory}/blocks/attach/${id}`)
    const renamed = await call('PATCH', `${memory}/blocks/human`, { label: 'person' })
    expect(renamed.body).toMatchObject({ id: human, label: 'person' })
    expect((await call('GET', `${memory}/blocks/person`)).body.id).toBe(human)
    expect((await call('GET', `${memory}/blocks/human`)).status).toBe(404)
    const taken = await call('PATCH', `${memory}/blocks/notes`, { label: 'person' })
    expect(taken).toMatchObject({ status: 409, body: { code: 'label_taken' } })
    expect((await call('GET', `/v1/blocks/${notes}`)).body).toMatchObject({ label: 'notes', version: 1 })
  })
  it('take the same block again without effect, and a second block of one label not at all', async () => {
    const { call, memory } = await setup()
    const [one, two] = [await block(call, 'human'), await block(call, 'human')]
    for (let i = 0; i < 2; i++) expect((await call('PATCH', `${memory}/blocks/attach/${one}`)).status).toBe(200)
    const clash = await call('PATCH', `${memory}/blocks/attach/${two}`)
    expect(clash).toMatchObject({ status: 409, body: { code: 'label_taken', detail: expect.stringContaining("'human'") } })
    expect(clash.headers.get('x-should-retry')).toBe('false')
    expect((await call('GET', memory)).body.blocks.map((row: { id: string }) => row.id)).toEqual([one])
  })
  it('let one of many that attach a label at once win', async () => {
    const { call, memory } = await setup()
    const ids = await Promise.all(Array.from({ length: 8 }, () => block(call, 'human')))
    const answers = await Promise.all(ids.map((id) => call('PATCH', `${memory}/blocks/attach/${id}`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)])
  })
  it('are shared: what one agent shows, the other shows too', async () => {
    const { call, memory, ...member } = await setup()
    const other = await freshAgent(member)
    const id = await block(call, 'human', 'Ada')
    for (const path of [memory, `/v1/agents/${other}/core-memory`]) await call('PATCH', `${path}/blocks/attach/${id}`)
    await call('PATCH', `${memory}/blocks/human`, { value: 'Grace' })
    expect((await call('GET', `/v1/agents/${other}/core-memory/blocks/human`)).body.value).toBe('Grace')
  })
  it('and their agent belong to one organization', async () => {
    const [mine, other] = [await setup(), await setup()]
    const id = await block(mine.call, 'human')
    const theirs = await block(other.call, 'human')
    await mine.call('PATCH', `${mine.memory}/blocks/attach/${id}`)
    for (const [method, path, body] of [
      ['GET', mine.memory],
      ['GET', `${mine.memory}/blocks`],
      ['GET', `${mine.memory}/blocks/human`],
      ['PATCH', `${mine.memory}/blocks/human`, { value: 'x' }],
      ['PATCH', `${mine.memory}/blocks/attach/${theirs}`],
      ['PATCH', `${mine.memory}/blocks/detach/${id}`],
      ['PATCH', `${other.memory}/blocks/attach/${id}`],
    ] as const) {
      expect([path, (await other.call(method, path, body)).status]).toEqual([path, 404])
    }
    await DB.batch(attachBlocks(DB, other.organization_id, mine.agentId, [theirs]))
    await DB.batch(attachBlocks(DB, other.organization_id, other.agentId, [id]))
    const { results } = await DB.prepare('select block_id from blocks_agents where agent_id in (?, ?)')
      .bind(mine.agentId, other.agentId)
      .all()
    expect(results).toEqual([{ block_id: id }])
  })
})
