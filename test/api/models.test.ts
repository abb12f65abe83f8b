import { describe, expect, it } from 'vitest'
import { freshOrganization } from '../support/client'

describe('models', () => {
  it('lists what the deployment can call, the built-in one always', async () => {
    const { call } = await freshOrganization()
    const { status, body } = await call('GET', '/v1/models/')
    expect(status).toBe(200)
    expect(body[0]).toMatchObject({
      handle: 'loci/scripted',
      name: 'scripted',
      model_type: 'llm',
      provider_name: 'loci',
      provider_category: 'base',
      max_context_window: 128_000,
      model_endpoint_type: expect.any(String),
    })
  })

  it('filters by provider', async () => {
    const { call } = await freshOrganization()
    const handles = async (query: string) =>
      (await call('GET', `/v1/models?${query}`)).body.map((model: { handle: string }) => model.handle)
    expect(await handles('provider_name=loci')).toEqual(['loci/scripted'])
    expect(await handles('provider_name=nobody')).toEqual([])
    expect(await handles('provider_category=base&provider_category=byok')).toContain('loci/scripted')
    expect(await handles('provider_category=byok')).toEqual([])
    expect(await handles('provider_type=anthropic')).toEqual([])
  })

  it('lists embedding models, without a key the built-in one only', async () => {
    const { call } = await freshOrganization()
    const { status, body } = await call('GET', '/v1/models/embedding')
    expect(status).toBe(200)
    expect(body).toMatchObject([{ handle: 'loci/use-lite', embedding_dim: 512, provider_name: 'loci', model_type: 'embedding' }])
  })
})
