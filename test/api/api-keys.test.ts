import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/lib/crypto'
import { actorOfKey } from '../../src/resources/api-keys/service'
import { admin, callAs, freshOrganization, newMember } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }
const later = (ms: number) => new Date(Date.now() + ms).toISOString()

describe('API keys', () => {
  it('are shown once, and stored as a hash with a prefix', async () => {
    const { call, user_id, organization_id } = await freshOrganization()
    const made = await call('POST', '/v1/api-keys', { name: 'ci' })
    expect(made.status).toBe(200)
    expect(made.headers.get('cache-control')).toBe('no-store')
    expect(made.body).toMatchObject({ key: expect.stringMatching(/^loci_[\w-]{43}$/), scopes: ['read', 'write'], user_id, organization_id })
    expect(made.body.key.startsWith(made.body.prefix)).toBe(true)
    const read = await call('GET', `/v1/api-keys/${made.body.id}`)
    expect(read.body).toMatchObject({ id: made.body.id, name: 'ci', prefix: made.body.prefix })
    const row = await DB.prepare('select * from api_keys where id = ?').bind(made.body.id).first<Record<string, unknown>>()
    expect(row?.key_hash).toBe(await sha256(made.body.key))
    for (const text of [JSON.stringify(read.body), JSON.stringify(row), JSON.stringify((await call('GET', '/v1/api-keys')).body)]) {
      expect(text).not.toContain(made.body.key)
    }
    expect(read.body).not.toHaveProperty('key_hash')
  })
  it('let their holder in until they are revoked', async () => {
    const { call } = await freshOrganization()
    const { body } = await call('POST', '/v1/api-keys', { name: 'ci' })
    const mine = callAs(body.key)
    expect((await mine('GET', '/v1/blocks')).status).toBe(200)
    const revoked = await call('DELETE', `/v1/api-keys/${body.id}`)
    expect(revoked.body.revoked_at).toEqual(expect.any(String))
    expect((await mine('GET', '/v1/blocks')).status).toBe(401)
    expect((await call('DELETE', `/v1/api-keys/${body.id}`)).body.revoked_at).toBe(revoked.body.revoked_at)
  })
  it('stop working when they expire', async () => {
    const { call } = await freshOrganization()
    const { body } = await call('POST', '/v1/api-keys', { name: 'brief', expires_at: later(60_000) })
    expect((await callAs(body.key)('GET', '/v1/blocks')).status).toBe(200)
    await DB.prepare('update api_keys set expires_at = ? where id = ?')
      .bind(Date.now() - 1, body.id)
      .run()
    expect((await callAs(body.key)('GET', '/v1/blocks')).status).toBe(401)
    const past = await call('POST', '/v1/api-keys', { name: 'late', expires_at: later(-1000) })
    expect([past.status, past.body.errors[0].field]).toEqual([422, 'expires_at'])
  })
  it('stop working with their organization and with their user', async () => {
    const first = await freshOrganization()
    await admin('DELETE', `/v1/admin/orgs/${first.organization_id}`)
    expect((await first.call('GET', '/v1/blocks')).status).toBe(401)
    const second = await freshOrganization()
    await admin('DELETE', `/v1/admin/users/${second.user_id}`)
    expect((await second.call('GET', '/v1/blocks')).status).toBe(401)
  })
  it('do what their scopes say, and grant no more than their creator has', async () => {
    const { organization_id } = await freshOrganization()
    const reader = await newMember(organization_id, ['read'])
    expect((await reader.call('GET', '/v1/blocks')).status).toBe(200)
    expect((await reader.call('POST', '/v1/blocks', { label: 'x', value: '' })).status).toBe(403)
    const writer = await newMember(organization_id, ['write'])
    expect((await writer.call('GET', '/v1/blocks')).status).toBe(403)
    const refused = await writer.call('POST', '/v1/api-keys', { name: 'more', scopes: ['read', 'write'] })
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('read')])
    expect((await writer.call('POST', '/v1/api-keys', { name: 'same' })).body.scopes).toEqual(['write'])
  })
  it('remember their last use, at most once a minute', async () => {
    const { call, key } = await freshOrganization()
    const written: Promise<unknown>[] = []
    const used = async () => {
      await actorOfKey(DB, key, (work) => written.push(work))
      await Promise.all(written)
    }
    await DB.prepare('update api_keys set last_used_at = null where key_hash = ?')
      .bind(await sha256(key))
      .run()
    await used()
    await used()
    expect(written).toHaveLength(1)
    const [{ id, last_used_at, updated_at, created_at }] = (await call('GET', '/v1/api-keys')).body
    expect(Date.now() - Date.parse(last_used_at)).toBeLessThan(60_000)
    expect(updated_at).toBe(created_at)
    await DB.prepare('update api_keys set last_used_at = ? where id = ?')
      .bind(Date.now() - 60_000, id)
      .run()
    await used()
    expect(written).toHaveLength(2)
  })
  it('cost one query to look up, whether they are known or not', async () => {
    const { key, user_id } = await freshOrganization()
    let queries = 0
    const counting = new Proxy(DB, {
      get: (target, name) => {
        if (name === 'prepare') queries++
        const member = Reflect.get(target, name) as unknown
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    await actorOfKey(DB, key, (work) => void work)
    expect((await actorOfKey(counting, key, () => {}))?.user_id).toBe(user_id)
    expect(queries).toBe(1)
    expect(await actorOfKey(counting, 'loci_unknown', () => {})).toBeNull()
    expect(queries).toBe(2)
  })
  it('belong to one organization', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    const { body } = await mine.call('POST', '/v1/api-keys', { name: 'ci' })
    for (const method of ['GET', 'DELETE']) expect((await other.call(method, `/v1/api-keys/${body.id}`)).status).toBe(404)
    expect((await other.call('GET', '/v1/api-keys')).body).toHaveLength(1)
    expect((await other.call('POST', '/v1/api-keys', { name: 'x', user_id: mine.user_id })).status).toBe(404)
    expect((await callAs(body.key)('GET', '/v1/blocks')).status).toBe(200)
  })
  it('are made by the operator for a user of the organization, or for a new one', async () => {
    const { organization_id, user_id } = await freshOrganization()
    const same = await admin('POST', '/v1/admin/api-keys', { organization_id, user_id, name: 'second', scopes: ['write', 'read', 'read'] })
    expect(same.body).toMatchObject({ user_id, scopes: ['read', 'write'] })
    const users = async () => (await admin('GET', `/v1/admin/users?organization_id=${organization_id}`)).body.length
    expect(await users()).toBe(1)
    await admin('POST', '/v1/admin/api-keys', { organization_id, name: 'third' })
    expect(await users()).toBe(2)
    const foreign = await admin('POST', '/v1/admin/api-keys', { organization_id, user_id: (await freshOrganization()).user_id, name: 'x' })
    expect(foreign.status).toBe(404)
    const unknown = await admin('POST', '/v1/admin/api-keys', { organization_id: 'org-00000000-0000-4000-8000-00000000dead', name: 'x' })
    expect(unknown.status).toBe(404)
  })
})
