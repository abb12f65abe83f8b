import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { freshOrganization } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }
const block = { label: 'human', value: 'Ada' }
const keyed = (key: string) => ({ 'idempotency-key': key })

/** What a crash leaves behind when it comes after the work and before the answer: the key is held, and its time is over. */
const unanswered = (organization_id: string) =>
  DB.prepare('update idempotency_keys set status = null, body = null, locked_until = 0 where organization_id = ?1')
    .bind(organization_id)
    .run()

describe('Idempotency-Key', () => {
  it('answers a repeat with the first answer and makes nothing twice', async () => {
    const { call } = await freshOrganization()
    const first = await call('POST', '/v1/blocks/', block, keyed('a'))
    const again = await call('POST', '/v1/blocks/', block, keyed('a'))
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect((await call('GET', '/v1/blocks/')).body).toHaveLength(1)
  })

  it('refuses another request under the same key, and keeps organizations apart', async () => {
    const [one, two] = [await freshOrganization(), await freshOrganization()]
    await one.call('POST', '/v1/blocks/', block, keyed('a'))
    expect((await one.call('POST', '/v1/blocks/', { ...block, value: 'Grace' }, keyed('a'))).status).toBe(422)
    expect((await two.call('POST', '/v1/blocks/', { ...block, value: 'Grace' }, keyed('a'))).body.value).toBe('Grace')
  })

  it('serves concurrent repeats once: one is created, the others get it or are told to wait', async () => {
    const { call } = await freshOrganization()
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', '/v1/blocks/', block, keyed('a'))))
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
    expect((await call('GET', '/v1/blocks/')).body).toHaveLength(1)
  })

  it('keeps the answer to a bad request too', async () => {
    const { call } = await freshOrganization()
    expect((await call('POST', '/v1/blocks/', {}, keyed('a'))).status).toBe(422)
    const again = await call('POST', '/v1/blocks/', {}, keyed('a'))
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([422, 'true'])
  })

  it('never stores a secret of an answer in the clear', async () => {
    const { call, organization_id } = await freshOrganization()
    const first = await call('POST', '/v1/api-keys/', { name: 'ci' }, keyed('a'))
    const row = await DB.prepare('select body from idempotency_keys where organization_id = ?1')
      .bind(organization_id)
      .first<{ body: string }>()
    expect(row?.body).not.toContain(first.body.key)
    expect((await call('POST', '/v1/api-keys/', { name: 'ci' }, keyed('a'))).body.key).toBe(first.body.key)
  })

  it.each([
    ['agent', '/v1/agents/', { name: 'ada', memory_blocks: [block] }],
    ['block', '/v1/blocks/', block],
    ['API key', '/v1/api-keys/', { name: 'ci' }],
  ])('makes one %s, although the first request died before it could answer', async (_, path, body) => {
    const { call, organization_id } = await freshOrganization()
    const first = await call('POST', path, body, keyed('a'))
    await unanswered(organization_id)
    const again = await call('POST', path, body, keyed('a'))
    expect([again.status, again.body.id]).toEqual([200, first.body.id])
    expect((await call('GET', path)).body.filter((row: { id: string }) => row.id === first.body.id)).toHaveLength(1)
  })

  it('makes one conversation and one fork of it, although the first request died before it could answer', async () => {
    const { call, organization_id } = await freshOrganization()
    const agent = (await call('POST', '/v1/agents/', { name: 'ada', memory_blocks: [block] })).body.id
    const create = () => call('POST', `/v1/conversations/?agent_id=${agent}`, { isolated_block_labels: ['human'] }, keyed('a'))
    const first = await create()
    await unanswered(organization_id)
    expect((await create()).body.id).toBe(first.body.id)
    const fork = () => call('POST', `/v1/conversations/${first.body.id}/fork`, undefined, keyed('b'))
    const forked = await fork()
    await unanswered(organization_id)
    expect((await fork()).body.id).toBe(forked.body.id)
    expect((await call('GET', `/v1/conversations/?agent_id=${agent}`)).body).toHaveLength(2)
  })

  it('undoes once, although the first request died before it could answer', async () => {
    const { call, organization_id } = await freshOrganization()
    const { id } = (await call('POST', '/v1/blocks/', block)).body
    for (const value of ['b', 'c']) await call('PATCH', `/v1/blocks/${id}`, { value })
    await call('POST', `/v1/blocks/${id}/undo`, {}, keyed('a'))
    await unanswered(organization_id)
    expect((await call('POST', `/v1/blocks/${id}/undo`, {}, keyed('a'))).body).toMatchObject({ value: 'b', version: 4 })
  })
})
