import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { changeBlock, type Writer } from '../../src/resources/blocks/write'
import { freshAgent } from '../support/agent'
import { type Call, freshOrganization, type Member } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }

async function block(call: Call, value: string, fields: Record<string, unknown> = {}): Promise<string> {
  return (await call('POST', '/v1/blocks', { label: 'notes', value, ...fields })).body.id
}
const agentWriter = ({ organization_id, user_id }: Member, more: Partial<Writer> = {}): Writer => ({
  organization_id,
  actor_type: 'letta_agent',
  actor_id: 'agent-1',
  user_id,
  ...more,
})
type Version = { id: string; version: number; value: string; cause: string; state_of: number; prev_state: number | null }
const history = async (call: Call, id: string): Promise<Version[]> =>
  (await call('GET', `/v1/blocks/${id}/versions?order=asc&include=value`)).body
const write = (call: Call, id: string, value: string) => call('PATCH', `/v1/blocks/${id}`, { value })

describe('a precondition', () => {
  it('is the ETag of any answer with one block, and a stale one is refused with what is there now', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'one')
    const read = await call('GET', `/v1/blocks/${id}`)
    expect(read.headers.get('etag')).toBe(`"${id}:1"`)
    const etag = { 'if-match': read.headers.get('etag') as string }
    const changed = await call('PATCH', `/v1/blocks/${id}`, { value: 'two' }, etag)
    expect([changed.status, changed.headers.get('etag')]).toEqual([200, `"${id}:2"`])
    const stale = await call('PATCH', `/v1/blocks/${id}`, { value: 'three' }, etag)
    expect(stale).toMatchObject({ status: 412, body: { code: 'precondition_failed', current_version: 2, current_value: 'two' } })
    expect(stale.headers.get('etag')).toBe(`"${id}:2"`)
    expect((await call('PATCH', `/v1/blocks/${id}`, { value: 'three' }, { 'if-match': `W/"${id}:2"` })).status).toBe(200)
    expect((await call('PATCH', `/v1/blocks/${id}`, { value: 'four' }, { 'if-match': '*' })).status).toBe(200)
  })
  it('is base_version in the body, and a stale one is a conflict that must not be sent again', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'one')
    expect((await call('PATCH', `/v1/blocks/${id}`, { value: 'two', base_version: 1 })).body.version).toBe(2)
    const stale = await call('PATCH', `/v1/blocks/${id}`, { value: 'three', base_version: 1 })
    expect(stale).toMatchObject({ status: 409, body: { code: 'version_conflict', current_version: 2, current_value: 'two' } })
    expect([stale.headers.get('etag'), stale.headers.get('x-should-retry')]).toEqual([`"${id}:2"`, 'false'])
    const both = await call('PATCH', `/v1/blocks/${id}`, { value: 'x', base_version: 1 }, { 'if-match': `"${id}:2"` })
    expect(both.status).toBe(400)
  })
  it('may be left out: then the last write wins, and every value stays in the history', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, '0')
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => write(call, id, `value ${i + 1}`)))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const versions = await history(call, id)
    expect(versions.map((entry) => entry.version)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1))
    expect(new Set(versions.map((entry) => entry.value)).size).toBe(13)
    expect((await call('GET', `/v1/blocks/${id}`)).body.value).toBe(versions.at(-1)?.value)
  })
})

describe('concurrent writers', () => {
  it('of operations on the head lose no edit: versions are dense and the history is complete', async () => {
    const member = await freshOrganization()
    const id = await block(member.call, '')
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`)
    const seen = await Promise.all(
      lines.map((line) => changeBlock(DB, agentWriter(member), id, (head) => ({ value: `${head.value}${line}\n` }))),
    )
    const { body } = await member.call('GET', `/v1/blocks/${id}`)
    expect(body.value.trim().split('\n').sort()).toEqual([...lines].sort())
    expect(body.version).toBe(41)
    expect(seen.map((row) => row.version).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 2))
    const versions = await history(member.call, id)
    expect(versions.map((entry) => entry.version)).toEqual(Array.from({ length: 41 }, (_, i) => i + 1))
    versions.slice(1).forEach((entry, i) => {
      expect(entry.value.startsWith((versions[i] as Version).value)).toBe(true)
      expect(entry.value.length).toBeGreaterThan((versions[i] as Version).value.length)
    })
  })
  it('who all saw one version have exactly one winner, and the others are shown its value', async () => {
    const member = await freshOrganization()
    const id = await block(member.call, 'base')
    const sources = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'base_version' : 'if-match') as 'base_version' | 'if-match')
    const results = await Promise.allSettled(
      sources.map((source, i) =>
        changeBlock(DB, agentWriter(member), id, () => ({ value: `writer ${i}` }), { precondition: { version: 1, source } }),
      ),
    )
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(won).toHaveLength(1)
    const now = (await member.call('GET', `/v1/blocks/${id}`)).body
    expect(now).toMatchObject({ version: 2, value: won[0]?.value })
    results.forEach((result, i) => {
      if (result.status === 'fulfilled') return
      const kind = sources[i] === 'if-match' ? 'precondition_failed' : 'version_conflict'
      expect(result.reason).toMatchObject({ kind, extra: { current_version: 2, current_value: now.value } })
    })
    expect(await history(member.call, id)).toHaveLength(2)
  })
  it('mixing API edits and operations: each acknowledged one is in the value or in the history under it', async () => {
    const member = await freshOrganization()
    const id = await block(member.call, '')
    const edits = Array.from({ length: 20 }, (_, i) =>
      i % 4 === 0
        ? write(member.call, id, `reset ${i}\n`)
        : changeBlock(DB, agentWriter(member, { actor_id: `agent-${i % 2}` }), id, (head) => ({ value: `${head.value}edit ${i}\n` })),
    )
    await Promise.all(edits)
    const versions = await history(member.call, id)
    expect(versions.map((entry) => entry.version)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
    for (let i = 0; i < 20; i++) {
      const text = i % 4 === 0 ? `reset ${i}\n` : `edit ${i}\n`
      expect(versions.filter((entry, at) => entry.value.includes(text) && !versions[at - 1]?.value.includes(text))).toHaveLength(1)
    }
  })
})

describe('an operation key', () => {
  it('makes one change of two, also when both run at once', async () => {
    const member = await freshOrganization()
    const id = await block(member.call, 'a')
    const once = () => changeBlock(DB, agentWriter(member, { operation_key: 'run-1:call-1' }), id, (head) => ({ value: `${head.value}b` }))
    const results = await Promise.all([once(), once(), once()])
    expect(results.map((row) => row.value)).toEqual(['ab', 'ab', 'ab'])
    await write(member.call, id, 'later')
    expect((await once()).value).toBe('later')
    expect(await history(member.call, id)).toHaveLength(3)
  })
})

describe('an agent', () => {
  it('cannot write a read-only block, a person can', async () => {
    const member = await freshOrganization()
    const id = await block(member.call, 'a', { read_only: true })
    await expect(changeBlock(DB, agentWriter(member), id, () => ({ value: 'b' }))).rejects.toThrow(
      'Error This block is read-only and cannot be edited.',
    )
    expect((await write(member.call, id, 'c')).body).toMatchObject({ value: 'c', version: 2 })
  })
  it('cannot write a block of another organization', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    const id = await block(mine.call, 'a')
    await expect(changeBlock(DB, agentWriter(other), id, () => ({ value: 'b' }))).rejects.toMatchObject({ kind: 'not_found' })
  })
  it('is named by the version that it wrote', async () => {
    const member = await freshOrganization()
    const id = await block(member.call, 'a')
    await changeBlock(DB, agentWriter(member, { run_id: 'run-9' }), id, () => ({ value: 'b' }))
    const { body } = await member.call('GET', `/v1/blocks/${id}/versions/2`)
    expect(body).toMatchObject({ actor_type: 'letta_agent', actor_id: 'agent-1', run_id: 'run-9', cause: 'write', value: 'b' })
    const first = await member.call('GET', `/v1/blocks/${id}/versions/1`)
    expect(first.body).toMatchObject({ actor_type: 'letta_user', actor_id: member.user_id, cause: 'create', prev_state: null })
  })
})

describe('the history of a block', () => {
  it('is listed newest first, without values unless asked for, and pages by id', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, '1')
    for (const value of ['2', '3', '4', '5']) await write(call, id, value)
    const list = async (query: string): Promise<Version[]> => (await call('GET', `/v1/blocks/${id}/versions?${query}`)).body
    const all = await list('')
    expect(all.map((entry) => entry.version)).toEqual([5, 4, 3, 2, 1])
    expect(all[0]).not.toHaveProperty('value')
    expect((await list('include=value'))[0]?.value).toBe('5')
    expect((await list(`limit=2&after=${all[1]?.id}`)).map((entry) => entry.version)).toEqual([3, 2])
    expect((await list(`limit=2&before=${all[4]?.id}`)).map((entry) => entry.version)).toEqual([3, 2])
    expect((await list(`order=asc&after=${all[3]?.id}`)).map((entry) => entry.version)).toEqual([3, 4, 5])
    expect((await list(`after=${all[4]?.id}`)).length).toBe(0)
    const other = await block(call, 'x')
    expect((await call('GET', `/v1/blocks/${other}/versions?after=${all[0]?.id}`)).status).toBe(404)
    expect((await call('GET', `/v1/blocks/${id}/versions/6`)).status).toBe(404)
    expect((await call('GET', `/v1/blocks/${id}/versions?include=value&limit=51`)).body.errors[0].field).toBe('limit')
  })
  it('keeps every field that a version shows', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'v', { description: 'd', metadata: { k: 1 }, limit: 10 })
    await call('PATCH', `/v1/blocks/${id}`, { label: 'renamed', description: 'e', metadata: {}, limit: 20, read_only: true })
    const { body } = await call('GET', `/v1/blocks/${id}/versions/1`)
    expect(body).toMatchObject({ label: 'notes', description: 'd', value: 'v', limit: 10, metadata: { k: 1 }, read_only: false })
    await call('POST', `/v1/blocks/${id}/undo`)
    const now = (await call('GET', `/v1/blocks/${id}`)).body
    expect(now).toMatchObject({ label: 'notes', description: 'd', value: 'v', limit: 10, metadata: { k: 1 }, read_only: false, version: 3 })
  })
})

describe('undo and redo', () => {
  const undo = (call: Call, id: string, body?: unknown, headers?: Record<string, string>) =>
    call('POST', `/v1/blocks/${id}/undo`, body, headers)
  const redo = (call: Call, id: string) => call('POST', `/v1/blocks/${id}/redo`)
  const value = async (call: Call, id: string) => (await call('GET', `/v1/blocks/${id}`)).body.value

  it('walk back and forth as an editor does, and only ever add versions', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'A')
    await write(call, id, 'B')
    await write(call, id, 'C')
    const first = await undo(call, id)
    expect([first.status, first.headers.get('etag'), first.body.value]).toEqual([200, `"${id}:4"`, 'B'])
    expect((await undo(call, id)).body.value).toBe('A')
    expect(await undo(call, id)).toMatchObject({ status: 409, body: { code: 'nothing_to_undo' } })
    expect((await redo(call, id)).body.value).toBe('B')
    expect((await redo(call, id)).body.value).toBe('C')
    const none = await redo(call, id)
    expect([none.status, none.body.code, none.headers.get('x-should-retry')]).toEqual([409, 'nothing_to_redo', 'false'])
    const versions = await history(call, id)
    expect(versions.map((entry) => entry.value)).toEqual(['A', 'B', 'C', 'B', 'A', 'B', 'C'])
    expect(versions.map((entry) => entry.cause)).toEqual(['create', 'write', 'write', 'undo', 'undo', 'redo', 'redo'])
    expect(versions.map((entry) => entry.state_of)).toEqual([1, 2, 3, 2, 1, 2, 3])
  })
  it('start a new line after a write: what was undone cannot be redone, but stays in the history', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'A')
    await write(call, id, 'B')
    await undo(call, id)
    await write(call, id, 'C')
    expect((await redo(call, id)).body.code).toBe('nothing_to_redo')
    expect((await undo(call, id)).body.value).toBe('A')
    expect((await redo(call, id)).body.value).toBe('C')
    const versions = await history(call, id)
    expect(versions.map((entry) => entry.value)).toEqual(['A', 'B', 'A', 'C', 'A', 'C'])
    expect(versions.map((entry) => entry.state_of)).toEqual([1, 2, 1, 4, 1, 4])
    expect(versions.map((entry) => entry.prev_state)).toEqual([null, 1, null, 1, null, 1])
  })
  it('go through a restore like through any other change', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'A')
    await write(call, id, 'B')
    const restored = await call('POST', `/v1/blocks/${id}/restore`, { version: 1 })
    expect(restored.body).toMatchObject({ value: 'A', version: 3 })
    expect((await undo(call, id)).body.value).toBe('B')
    expect((await undo(call, id)).body.value).toBe('A')
    expect((await undo(call, id)).status).toBe(409)
    expect((await redo(call, id)).body.value).toBe('B')
    expect((await redo(call, id)).body.value).toBe('A')
    expect((await redo(call, id)).status).toBe(409)
    await write(call, id, 'C')
    expect((await undo(call, id)).body.value).toBe('A')
    expect((await undo(call, id)).body.value).toBe('B')
    expect(restored.headers.get('etag')).toBe(`"${id}:3"`)
  })
  it('take a precondition like any write', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'A')
    await write(call, id, 'B')
    expect((await undo(call, id, { base_version: 1 })).body.code).toBe('version_conflict')
    expect((await undo(call, id, undefined, { 'if-match': `"${id}:1"` })).status).toBe(412)
    expect((await call('POST', `/v1/blocks/${id}/restore`, { version: 1, base_version: 1 })).status).toBe(409)
    expect(await value(call, id)).toBe('B')
    expect((await undo(call, id, undefined, { 'if-match': `"${id}:2"` })).status).toBe(200)
  })
  it('at once undo one state each', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, '0')
    for (const each of ['1', '2', '3', '4']) await write(call, id, each)
    const answers = await Promise.all(Array.from({ length: 3 }, () => undo(call, id)))
    expect(answers.map(({ body }) => body.value).sort()).toEqual(['1', '2', '3'])
    expect(await value(call, id)).toBe('1')
  })
})

describe('restore', () => {
  it('brings any old content back, and writes nothing when it is there already', async () => {
    const { call } = await freshOrganization()
    const id = await block(call, 'A')
    await write(call, id, 'B')
    await write(call, id, 'C')
    expect((await call('POST', `/v1/blocks/${id}/restore`, { version: 1 })).body).toMatchObject({ value: 'A', version: 4 })
    expect((await call('POST', `/v1/blocks/${id}/restore`, { version: 1 })).body).toMatchObject({ value: 'A', version: 4 })
    expect((await call('GET', `/v1/blocks/${id}/versions/4`)).body).toMatchObject({ cause: 'restore', state_of: 1 })
    expect((await call('POST', `/v1/blocks/${id}/restore`, { version: 9 })).status).toBe(404)
    expect((await call('POST', `/v1/blocks/${id}/restore`, {})).body.errors[0].field).toBe('version')
  })
})

describe('an undo that renames', () => {
  it('is refused whole when an agent uses the old label for another block meanwhile', async () => {
    const member = await freshOrganization()
    const { call } = member
    const agentId = await freshAgent(member)
    const id = await block(call, 'A')
    await call('PATCH', `/v1/blocks/${id}`, { label: 'renamed' })
    const other = await block(call, 'B')
    for (const [blockId, label] of [
      [id, 'renamed'],
      [other, 'notes'],
    ]) {
      await DB.prepare('insert into blocks_agents (agent_id, block_id, block_label) values (?, ?, ?)').bind(agentId, blockId, label).run()
    }
    const refused = await call('POST', `/v1/blocks/${id}/undo`)
    expect(refused).toMatchObject({ status: 409, body: { code: 'label_taken' } })
    expect((await call('GET', `/v1/blocks/${id}`)).body).toMatchObject({ label: 'renamed', version: 2 })
    expect(await history(call, id)).toHaveLength(2)
  })
})
