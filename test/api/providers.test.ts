import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { freshOrganization } from '../support/client'
import { outside, type Seen } from '../support/outside'

const key = 'sk-own-0123456789'
const models = { data: [{ id: 'small', context_length: 16_000 }, { id: 'large' }, { id: 'text-embedding-3-small' }] }

/** A provider at `origin` that takes the given keys. */
const provider = (origin: string, keys: string[] = [key], listed: () => unknown = () => models): Seen[] =>
  outside(origin, ({ headers, url }) => {
    const given = headers.get('authorization')?.replace('Bearer ', '') ?? ''
    if (!keys.includes(given)) return Response.json({ error: { message: `Incorrect API key provided: ${given}` } }, { status: 401 })
    return url.pathname === '/v1/models' ? Response.json(listed()) : new Response('?', { status: 404 })
  })

const base_url = 'https://models.example/v1'
const own = { name: 'mine', provider_type: 'openai', api_key: key, base_url }
const handles = (rows: { handle: string }[]) => rows.map(({ handle }) => handle)

describe('a provider', () => {
  it('is stored with its models, and its key is neither sent back nor stored in the clear', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    provider(base_url)
    const made = await call('POST', '/v1/providers', { ...own, access_key: 'ak-secret', region: 'eu' })
    expect([made.status, made.body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^provider-/),
        name: 'mine',
        provider_type: 'openai',
        provider_category: 'byok',
        api_key: null,
        access_key: null,
        base_url,
        region: 'eu',
        api_version: null,
        organization_id,
        last_synced: expect.stringMatching(/Z$/),
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ])
    expect((await call('GET', `/v1/providers/${made.body.id}`)).body).toEqual(made.body)
    expect((await call('GET', '/v1/providers/')).body).toEqual([made.body])
    const row = await bindings.DB.prepare('select * from providers where id = ?1').bind(made.body.id).first()
    expect(row).toMatchObject({ created_by_id: user_id, api_key_enc: expect.stringMatching(/^v1\./) })
    expect(JSON.stringify(row)).not.toMatch(/sk-own|ak-secret/)
  })

  it('lists its models, as of its own name and as brought by the organization', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    await call('POST', '/v1/providers', own)
    const listed = async (query: string) => handles((await call('GET', `/v1/models/?${query}`)).body)
    expect(await listed('')).toEqual(['loci/scripted', 'mine/large', 'mine/small'])
    expect(await listed('provider_category=byok')).toEqual(['mine/large', 'mine/small'])
    expect(await listed('provider_category=base')).toEqual(['loci/scripted'])
    expect(await listed('provider_name=mine')).toHaveLength(2)
    expect(await listed('provider_type=openai')).toHaveLength(2)
    const [, small] = (await call('GET', '/v1/models?provider_name=mine')).body
    expect(small).toMatchObject({
      name: 'small',
      provider_name: 'mine',
      provider_type: 'openai',
      provider_category: 'byok',
      max_context_window: 16_000,
      model_endpoint_type: 'openai',
      model_endpoint: base_url,
    })
    expect((await call('GET', '/v1/models/embedding')).body).toMatchObject([
      { handle: 'loci/use-lite' },
      { handle: 'mine/text-embedding-3-small', embedding_dim: 1536, provider_name: 'mine', embedding_endpoint: base_url },
    ])
    const stranger = await freshOrganization()
    expect(handles((await stranger.call('GET', '/v1/models/')).body)).toEqual(['loci/scripted'])
    expect(handles((await stranger.call('GET', '/v1/models/embedding')).body)).toEqual(['loci/use-lite'])
  })

  it('that refuses the key, does not answer, or is no such server is not stored, and the reason is told without the key', async () => {
    const { call } = await freshOrganization()
    provider(base_url, [])
    const refused = await call('POST', '/v1/providers', own)
    expect([refused.status, refused.body.code]).toEqual([401, 'llm_authentication'])
    expect(refused.body.detail).toMatch(/The key was refused: .*Incorrect API key provided: \[key\]/)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    const silent = await call('POST', '/v1/providers', { ...own, base_url: 'https://nowhere.example/v1' })
    expect([silent.status, silent.body.detail]).toEqual([502, expect.stringContaining('https://nowhere.example')])
    outside('https://site.example', () => new Response('<html>'))
    const site = await call('POST', '/v1/providers', { ...own, base_url: 'https://site.example/v1' })
    expect([site.status, site.body.detail]).toEqual([502, expect.stringContaining('no list of models')])
    outside('https://moved.example', () => Response.redirect('http://10.0.0.1/'))
    const moved = await call('POST', '/v1/providers', { ...own, base_url: 'https://moved.example/v1' })
    expect([moved.status, moved.body.detail]).toEqual([502, expect.stringContaining('redirect')])
    expect((await call('GET', '/v1/providers')).body).toEqual([])
  })

  it.each([
    ['a private address', { base_url: 'http://10.0.0.7/v1' }, 'base_url', /not a public address/],
    ['a private name', { base_url: 'https://models.internal/v1' }, 'base_url', /private network/],
    ['an address with a password', { base_url: 'https://a:b@models.example/v1' }, 'base_url', /password/],
    ['no address', { base_url: 'models' }, 'base_url', /absolute URL/],
    ['another type', { provider_type: 'bedrock' }, 'provider_type', /openai, anthropic, google_ai/],
    ['no key where one is needed', { api_key: null, base_url: null }, 'api_key', /required/],
    ['no address where one is needed', { provider_type: 'vllm', base_url: null }, 'base_url', /required/],
    ['a name with a slash', { name: 'a/b' }, 'name', /slashes/],
    ['a name of the server', { name: 'anthropic' }, 'name', /reserved/],
  ])('with %s is refused, with the field', async (_, changes, field, detail) => {
    const { call } = await freshOrganization()
    const seen = provider(base_url)
    const { status, body } = await call('POST', '/v1/providers', { ...own, ...changes })
    expect([status, body.errors[0].field]).toEqual([422, field])
    expect(body.detail).toMatch(detail)
    expect((await call('GET', '/v1/providers')).body).toEqual([])
    expect(seen).toEqual([])
  })

  it('has a name of its own within the organization, and the name is free again when it is deleted', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    const { body } = await call('POST', '/v1/providers', own)
    const again = await call('POST', '/v1/providers', own)
    expect([again.status, again.body.code]).toEqual([409, 'name_taken'])
    const stranger = await freshOrganization()
    expect((await stranger.call('POST', '/v1/providers', own)).status).toBe(200)
    expect(await call('DELETE', `/v1/providers/${body.id}`)).toMatchObject({
      status: 200,
      body: { message: "Provider 'mine' was deleted." },
    })
    expect((await call('GET', `/v1/providers/${body.id}`)).status).toBe(404)
    expect((await call('DELETE', `/v1/providers/${body.id}`)).status).toBe(404)
    expect(handles((await call('GET', '/v1/models')).body)).toEqual(['loci/scripted'])
    const row = await bindings.DB.prepare('select api_key_enc from providers where id = ?1').bind(body.id).first()
    expect(row).toEqual({ api_key_enc: null })
    expect((await call('POST', '/v1/providers', own)).status).toBe(200)
    expect(handles((await stranger.call('GET', '/v1/models?provider_name=mine')).body)).toHaveLength(2)
  })

  it('is made once for one Idempotency-Key', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    const once = () => call('POST', '/v1/providers', own, { 'idempotency-key': 'k' })
    expect((await once()).body.id).toBe((await once()).body.id)
    expect((await call('GET', '/v1/providers')).body).toHaveLength(1)
  })

  it('that has no list of models is stored without; any of its models can be named', async () => {
    const { call } = await freshOrganization()
    outside(base_url, () => new Response('not here', { status: 404 }))
    const { status, body } = await call('POST', '/v1/providers', own)
    expect([status, body.last_synced]).toEqual([200, null])
    expect(await call('POST', '/v1/agents', { model: 'mine/anything' })).toMatchObject({ status: 200, body: { model: 'mine/anything' } })
  })
})

describe('a stored provider', () => {
  it('gets another key when the provider takes it, and keeps its own otherwise', async () => {
    const { call } = await freshOrganization()
    const seen = provider(base_url, [key, 'sk-next-0123456789'])
    const { body } = await call('POST', '/v1/providers', own)
    const bad = await call('PATCH', `/v1/providers/${body.id}`, { api_key: 'sk-bad-0123456789' })
    expect([bad.status, bad.body.code]).toEqual([401, 'llm_authentication'])
    expect((await call('POST', `/v1/providers/${body.id}/check`)).body).toEqual({ message: 'Valid api key for provider_type=openai' })
    expect((await call('PATCH', `/v1/providers/${body.id}`, { api_key: 'sk-next-0123456789', region: 'us' })).body).toMatchObject({
      id: body.id,
      region: 'us',
      base_url,
    })
    expect((await call('POST', `/v1/providers/${body.id}/check`)).status).toBe(200)
    expect(seen.at(-1)?.headers.get('authorization')).toBe('Bearer sk-next-0123456789')
  })

  it('is not led to another server with the stored key', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    const elsewhere = provider('https://elsewhere.example')
    const { body } = await call('POST', '/v1/providers', own)
    const led = await call('PATCH', `/v1/providers/${body.id}`, { base_url: 'https://elsewhere.example/v1' })
    expect([led.status, led.body.errors]).toEqual([422, [{ field: 'api_key', message: expect.stringContaining('not sent there') }]])
    expect(elsewhere).toEqual([])
    const moved = await call('PATCH', `/v1/providers/${body.id}`, { base_url: 'https://elsewhere.example/v1', api_key: key })
    expect([moved.status, moved.body.base_url]).toEqual([200, 'https://elsewhere.example/v1'])
  })

  it('is refreshed: new models come, those that are gone go, windows change', async () => {
    const { call } = await freshOrganization()
    let data: unknown[] = models.data
    provider(base_url, [key], () => ({ data }))
    const { body } = await call('POST', '/v1/providers', own)
    data = [{ id: 'small', context_length: 32_000 }, { id: 'newest' }]
    const refreshed = await call('PATCH', `/v1/providers/${body.id}/refresh`)
    expect([refreshed.status, refreshed.body.id]).toEqual([200, body.id])
    expect(refreshed.body.last_synced >= body.last_synced).toBe(true)
    const listed = (await call('GET', '/v1/models?provider_name=mine')).body
    expect(listed.map((row: Record<string, unknown>) => [row.handle, row.max_context_window])).toEqual([
      ['mine/newest', 128_000],
      ['mine/small', 32_000],
    ])
    expect(handles((await call('GET', '/v1/models/embedding')).body)).toEqual(['loci/use-lite'])
  })

  it('is listed by name and type, in pages', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    for (const name of ['one', 'two', 'three']) await call('POST', '/v1/providers', { ...own, name })
    const names = async (query: string) => (await call('GET', `/v1/providers?${query}`)).body.map(({ name }: { name: string }) => name)
    expect(await names('order=asc&limit=2')).toEqual(['one', 'two'])
    expect(await names('name=two')).toEqual(['two'])
    expect(await names('provider_type=anthropic')).toEqual([])
  })
})

describe('a key', () => {
  it('is checked without storing anything', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    const check = (api_key: string) => call('POST', '/v1/providers/check', { provider_type: 'openai', base_url, api_key })
    expect(await check(key)).toMatchObject({ status: 200, body: { message: 'Valid api key for provider_type=openai' } })
    expect(await check('sk-other-0123456789')).toMatchObject({ status: 401, body: { code: 'llm_authentication' } })
    expect((await call('GET', '/v1/providers')).body).toEqual([])
  })

  it('that was sealed with another ENCRYPTION_KEY must be stored again', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    const { body } = await call('POST', '/v1/providers', own)
    await bindings.DB.prepare("update providers set api_key_enc = 'v1.00000000.AAAA.AAAA' where id = ?1").bind(body.id).run()
    const answer = await call('POST', `/v1/providers/${body.id}/check`)
    expect([answer.status, answer.body.detail]).toEqual([
      400,
      expect.stringMatching(/key of provider 'mine' cannot be read.*Store it again/),
    ])
  })
})

describe('an agent', () => {
  it('takes a model of a provider of its organization, and of no other', async () => {
    const { call } = await freshOrganization()
    provider(base_url)
    await call('POST', '/v1/providers', { ...own, provider_type: 'groq' })
    const agent = (await call('POST', '/v1/agents', { model: 'mine/small' })).body
    expect(agent).toMatchObject({
      model: 'mine/small',
      llm_config: {
        handle: 'mine/small',
        model: 'small',
        provider_name: 'mine',
        provider_category: 'byok',
        model_endpoint_type: 'groq',
        model_endpoint: base_url,
        context_window: 16_000,
      },
    })
    const stranger = await freshOrganization()
    const refused = await stranger.call('POST', '/v1/agents', { model: 'mine/small' })
    expect([refused.status, refused.body.detail]).toEqual([404, "NOT_FOUND: Handle mine/small not found, must be one of ['loci/scripted']"])
    const unknown = await call('PATCH', `/v1/agents/${agent.id}`, { model: 'other/small' })
    expect([unknown.status, unknown.body.detail]).toEqual([404, expect.stringContaining("'mine/large', 'mine/small'")])
    expect((await call('PATCH', `/v1/agents/${agent.id}`, { model: 'mine/large' })).body.model).toBe('mine/large')
    const conversation = await call('POST', `/v1/conversations?agent_id=${agent.id}`, { model: 'mine/small' })
    expect([conversation.status, conversation.body.model]).toEqual([200, 'mine/small'])
    expect((await call('POST', `/v1/conversations?agent_id=${agent.id}`, { model: 'other/small' })).status).toBe(404)
    const override = await call('POST', `/v1/agents/${agent.id}/messages`, { input: 'hi', override_model: 'other/small' })
    expect(override.status).toBe(404)
  })

  it('has the settings of what its provider speaks', async () => {
    const { call } = await freshOrganization()
    outside('https://api.anthropic.com', () => Response.json({ data: [{ id: 'claude-sonnet-4-5' }] }))
    const made = await call('POST', '/v1/providers', { name: 'claude', provider_type: 'anthropic', api_key: key })
    expect([made.status, made.body.base_url]).toEqual([200, null])
    expect((await call('POST', '/v1/agents', { model: 'claude/claude-sonnet-4-5' })).body.model_settings).toMatchObject({
      provider_type: 'anthropic',
      thinking: { type: 'enabled' },
    })
  })
})
