import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ModelServer, modelServer } from '../../support/fakes/model-server'
import { chatStream } from '../../support/fakes/model-streams'
import type { Api } from '../api'

const handles = (models: { handle?: string | null }[]) => models.map(({ handle }) => handle)

export function models(api: Api): void {
  describe('models', () => {
    let server: ModelServer
    beforeAll(async () => {
      server = await modelServer()
    })
    afterAll(() => server.close())

    it('of the server are listed, with everything that the SDK knows of one', async () => {
      const { client } = await api.member()
      const [scripted] = await client.models.list()
      expect(scripted).toMatchObject({
        handle: 'loci/scripted',
        name: 'scripted',
        model: 'scripted',
        provider_type: 'letta',
        provider_name: 'loci',
        provider_category: 'base',
        model_type: 'llm',
        model_endpoint_type: 'openai',
        context_window: 128_000,
        max_context_window: 128_000,
      })
      expect(await client.models.embeddings.list()).toMatchObject([{ handle: 'loci/use-lite', embedding_dim: 512 }])
    })

    it('of a provider that the organization brought are listed, filtered, and answer its agents', async () => {
      const { client, fetch } = await api.member()
      server.answer({ status: 200, body: { data: [{ id: 'test-model', context_length: 9_000 }, { id: 'text-embedding-3-large' }] } })
      const body = { name: 'lc-mine', provider_type: 'groq', api_key: 'gsk-contract-key', base_url: `${server.url}/v1` }
      const made = await fetch('POST', '/v1/providers', body)
      expect(made.status).toBe(200)
      expect(server.received.at(-1)).toMatchObject({ path: '/v1/models', headers: { authorization: 'Bearer gsk-contract-key' } })
      expect(handles(await client.models.list())).toEqual(['loci/scripted', 'lc-mine/test-model'])
      expect(handles(await client.models.list({ provider_category: ['byok'] }))).toEqual(['lc-mine/test-model'])
      expect(handles(await client.models.list({ provider_category: ['base'], provider_type: 'letta' }))).toEqual(['loci/scripted'])
      expect(handles(await client.models.list({ provider_name: 'lc-mine' }))).toEqual(['lc-mine/test-model'])
      expect(handles(await client.models.list({ provider_type: 'anthropic' }))).toEqual([])
      expect(await client.models.embeddings.list()).toMatchObject([
        { handle: 'loci/use-lite' },
        { handle: 'lc-mine/text-embedding-3-large', embedding_dim: 1536, embedding_endpoint_type: 'groq', provider_name: 'lc-mine' },
      ])
      const agent = await client.agents.create({ model: 'lc-mine/test-model' })
      expect(agent.llm_config).toMatchObject({ provider_category: 'byok', provider_name: 'lc-mine', context_window: 9_000 })
      server.answer({ events: chatStream([{ content: 'Hello.' }]) })
      expect((await client.agents.messages.create(agent.id, { input: 'hi' })).messages).toMatchObject([{ content: 'Hello.' }])
      const [step] = (await client.steps.list({ agent_id: agent.id })).items
      expect(step).toMatchObject({
        provider_category: 'byok',
        provider_name: 'lc-mine',
        provider_id: ((await made.json()) as { id: string }).id,
      })
    })
  })
}
