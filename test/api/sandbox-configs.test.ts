import { describe, expect, it } from 'vitest'
import { configOf } from '../../src/env'
import { toolVariables } from '../../src/resources/sandbox-configs/variables'
import { bindings } from '../support/agent'
import { freshOrganization } from '../support/client'

describe('a sandbox configuration', () => {
  it('is made with the defaults of its kind, which its fields tell', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const local = await call('POST', '/v1/sandbox-config', { config: { use_venv: true } })
    expect([local.status, local.body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^sandbox-/),
        type: 'local',
        config: { use_venv: true, sandbox_dir: null, venv_name: 'venv', pip_requirements: [] },
        organization_id,
        created_at: expect.any(String),
        updated_at: expect.any(String),
        created_by_id: user_id,
        last_updated_by_id: user_id,
      },
    ])
    expect((await call('POST', '/v1/sandbox-config', { config: { template: 't' } })).body).toMatchObject({
      type: 'e2b',
      config: { template: 't', timeout: 300 },
    })
    expect((await call('POST', '/v1/sandbox-config', { config: { language: 'typescript' } })).body).toMatchObject({ type: 'modal' })
    expect((await call('POST', '/v1/sandbox-config', { config: { timeout: 9 }, type: 'modal' })).body.config).toMatchObject({ timeout: 9 })
    expect((await call('GET', '/v1/sandbox-config/?order=asc')).body.map(({ type }: { type: string }) => type)).toEqual([
      'local',
      'e2b',
      'modal',
    ])
  })

  it('takes the place of the one of its kind, and keeps its id; defaults replace nothing', async () => {
    const { call } = await freshOrganization()
    const first = (await call('POST', '/v1/sandbox-config/local/default')).body
    expect(first.config).toMatchObject({ use_venv: false })
    const again = (await call('POST', '/v1/sandbox-config/local', { use_venv: true, pip_requirements: [{ name: 'numpy' }] })).body
    expect(again).toMatchObject({ id: first.id, config: { use_venv: true, pip_requirements: [{ name: 'numpy' }] } })
    expect((await call('POST', '/v1/sandbox-config/local/default')).body).toEqual(again)
    expect((await call('POST', '/v1/sandbox-config/e2b/default')).body.type).toBe('e2b')
    expect((await call('GET', '/v1/sandbox-config?sandbox_type=local')).body).toEqual([again])
  })

  it('is changed field by field, but not in kind', async () => {
    const { call } = await freshOrganization()
    const { id } = (await call('POST', '/v1/sandbox-config', { config: { sandbox_dir: '/a' } })).body
    expect((await call('PATCH', `/v1/sandbox-config/${id}`, { config: { use_venv: true } })).body.config).toMatchObject({
      sandbox_dir: '/a',
      use_venv: true,
    })
    const kind = await call('PATCH', `/v1/sandbox-config/${id}`, { config: { template: 't' } })
    expect([kind.status, kind.body.detail]).toEqual([400, expect.stringContaining("of type 'local'")])
    const wrong = await call('PATCH', `/v1/sandbox-config/${id}`, { config: { use_venv: 'yes' } })
    expect([wrong.status, wrong.body.errors[0].field]).toEqual([422, 'config.use_venv'])
  })

  it('is deleted with its variables, and can be made again', async () => {
    const { call } = await freshOrganization()
    const { id } = (await call('POST', '/v1/sandbox-config/local/default')).body
    await call('POST', `/v1/sandbox-config/${id}/environment-variable`, { key: 'A', value: 'a' })
    expect((await call('DELETE', `/v1/sandbox-config/${id}`)).status).toBe(204)
    expect((await call('DELETE', `/v1/sandbox-config/${id}`)).status).toBe(404)
    expect((await call('GET', `/v1/sandbox-config/${id}/environment-variable`)).status).toBe(404)
    const next = (await call('POST', '/v1/sandbox-config/local/default')).body
    expect(next.id).not.toBe(id)
    expect((await call('GET', `/v1/sandbox-config/${next.id}/environment-variable`)).body).toEqual([])
  })

  it('has no virtual environment to make anew', async () => {
    const { call } = await freshOrganization()
    const { status, body } = await call('POST', '/v1/sandbox-config/local/recreate-venv')
    expect([status, body.detail]).toEqual([501, expect.stringContaining('no virtual environments')])
  })
})

describe('an environment variable of a sandbox', () => {
  it('is stored sealed and its value never shown; the same key replaces it', async () => {
    const { call } = await freshOrganization()
    const { id } = (await call('POST', '/v1/sandbox-config/local/default')).body
    const path = `/v1/sandbox-config/${id}/environment-variable`
    const made = await call('POST', path, { key: 'API_KEY', value: 'secret-one', description: 'For tools.' })
    expect([made.status, made.body]).toMatchObject([
      200,
      {
        id: expect.stringMatching(/^sandbox-env-/),
        sandbox_config_id: id,
        key: 'API_KEY',
        value: '',
        value_enc: null,
        description: 'For tools.',
      },
    ])
    const again = await call('POST', path, { key: 'API_KEY', value: 'secret-two' })
    expect(again.body.id).toBe(made.body.id)
    expect((await call('GET', path)).body).toEqual([again.body])
    const { results } = await bindings.DB.prepare('select * from sandbox_environment_variables where id = ?1').bind(made.body.id).all()
    expect(results).toMatchObject([{ value_enc: expect.stringMatching(/^v1\./) }])
    expect(JSON.stringify([results, again.body])).not.toMatch(/secret-(one|two)/)
  })

  it('is changed and deleted; its key is its own within the sandbox', async () => {
    const { call, organization_id } = await freshOrganization()
    const { id } = (await call('POST', '/v1/sandbox-config/local/default')).body
    const path = `/v1/sandbox-config/${id}/environment-variable`
    const first = (await call('POST', path, { key: 'A', value: 'a' })).body
    const second = (await call('POST', path, { key: 'B', value: 'b' })).body
    const taken = await call('PATCH', `/v1/sandbox-config/environment-variable/${second.id}`, { key: 'A' })
    expect([taken.status, taken.body.code]).toEqual([409, 'name_taken'])
    expect(
      (await call('PATCH', `/v1/sandbox-config/environment-variable/${second.id}`, { key: 'C', description: 'c' })).body,
    ).toMatchObject({
      key: 'C',
      description: 'c',
    })
    expect((await call('DELETE', `/v1/sandbox-config/environment-variable/${first.id}`)).status).toBe(204)
    expect((await call('DELETE', `/v1/sandbox-config/environment-variable/${first.id}`)).status).toBe(404)
    expect(await toolVariables(bindings.DB, configOf(bindings), { organization_id, agent_id: null })).toEqual({ C: 'b' })
    expect((await call('POST', path, { key: 'not a name', value: '' })).status).toBe(422)
  })

  it('is one of those that tools of an agent get; a secret of the agent wins', async () => {
    const { call, organization_id } = await freshOrganization()
    const { id } = (await call('POST', '/v1/sandbox-config/local/default')).body
    const hosted = (await call('POST', '/v1/sandbox-config/e2b/default')).body
    const set = (config: string, key: string, value: string) =>
      call('POST', `/v1/sandbox-config/${config}/environment-variable`, { key, value })
    await set(id, 'SHARED', 'of the sandbox')
    await set(id, 'BASE', 'base')
    await set(hosted.id, 'ELSEWHERE', 'not here')
    const agent = (await call('POST', '/v1/agents', { secrets: { SHARED: 'of the agent', OWN: 'own' } })).body
    const variables = (agent_id: string | null, of = organization_id) =>
      toolVariables(bindings.DB, configOf(bindings), { organization_id: of, agent_id })
    expect(await variables(agent.id)).toEqual({ SHARED: 'of the agent', BASE: 'base', OWN: 'own' })
    expect(await variables(null)).toEqual({ SHARED: 'of the sandbox', BASE: 'base' })
    const stranger = await freshOrganization()
    expect(await variables(agent.id, stranger.organization_id)).toEqual({})
  })
})
