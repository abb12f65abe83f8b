import { describe, expect, it } from 'vitest'
import { admin, callAs, freshOrganization } from '../support/client'

describe('organizations', () => {
  it('are created, read, changed and deleted by the operator', async () => {
    const made = await admin('POST', '/v1/admin/orgs', { name: 'Acme', metadata: { plan: 'free' } })
    expect(made.status).toBe(200)
    expect(made.body).toMatchObject({ id: expect.stringMatching(/^org-/), name: 'Acme', description: null, metadata: { plan: 'free' } })
    const path = `/v1/admin/orgs/${made.body.id}`
    expect((await admin('PATCH', path, { description: 'anvils' })).body).toMatchObject({
      name: 'Acme',
      description: 'anvils',
      metadata: { plan: 'free' },
    })
    expect((await admin('GET', path)).body.description).toBe('anvils')
    expect((await admin('DELETE', path)).status).toBe(200)
    expect((await admin('GET', path)).status).toBe(404)
  })
  it('are listed to the operator from any row', async () => {
    const ids: string[] = []
    for (const name of ['a', 'b', 'c']) ids.push((await admin('POST', '/v1/admin/orgs', { name })).body.id)
    const after = await admin('GET', `/v1/admin/orgs/?after=${ids[0]}&limit=2`)
    expect(after.body.map((row: { id: string }) => row.id)).toEqual(ids.slice(1))
  })
  it('refuse anyone without the admin key', async () => {
    const { key } = await freshOrganization()
    for (const call of [callAs(null), callAs('nonsense'), callAs(key)]) {
      expect((await call('POST', '/v1/admin/orgs', { name: 'x' })).status).toBe(401)
      expect((await call('GET', '/v1/admin/users')).status).toBe(401)
    }
  })
  it('name the field that is wrong', async () => {
    const { status, body } = await admin('POST', '/v1/admin/orgs', { name: '' })
    expect([status, body.errors[0].field]).toEqual([422, 'name'])
  })
})

describe('users', () => {
  it('belong to an organization and are listed by it', async () => {
    const { organization_id, user_id } = await freshOrganization()
    const made = await admin('POST', '/v1/admin/users', { name: 'Ada', email: 'ada@example.org', organization_id })
    expect(made.body).toMatchObject({ id: expect.stringMatching(/^user-/), name: 'Ada', email: 'ada@example.org', organization_id })
    const listed = await admin('GET', `/v1/admin/users?organization_id=${organization_id}`)
    expect(listed.body.map((row: { id: string }) => row.id).sort()).toEqual([user_id, made.body.id].sort())
    const all = await admin('GET', `/v1/admin/users?after=${user_id}&limit=1`)
    expect(all.body).toHaveLength(1)
    expect((await admin('PATCH', `/v1/admin/users/${made.body.id}`, { name: 'Grace' })).body.name).toBe('Grace')
    expect((await admin('DELETE', `/v1/admin/users/${made.body.id}`)).status).toBe(200)
    expect((await admin('GET', `/v1/admin/users/${made.body.id}`)).status).toBe(404)
  })
  it('cannot be made in an organization that is not there', async () => {
    const organization_id = 'org-00000000-0000-4000-8000-00000000dead'
    expect((await admin('POST', '/v1/admin/users', { name: 'Ada', organization_id })).status).toBe(404)
  })
})
