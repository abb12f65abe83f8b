import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'
import { outside } from '../support/outside'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', system: 'You are Ada.', ...fields })).body.id

describe('POST /v1/agents/{id}/generate', () => {
  it('answers what the model says to a prompt alone, and stores nothing', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { status, body } = await call('POST', `/v1/agents/${id}/generate`, { prompt: '/think hm\n/say A title' })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      content: 'A title',
      model: 'loci/scripted',
      usage: { message_type: 'usage_statistics', step_count: 1, run_ids: null, completion_tokens: expect.any(Number) },
    })
    const without = (await call('POST', `/v1/agents/${id}/generate`, { prompt: 'Hi' })).body.usage.prompt_tokens
    const more = { prompt: 'Hi', system_prompt: 'Answer in verse. '.repeat(40), response_schema: { type: 'object' } }
    expect((await call('POST', `/v1/agents/${id}/generate`, more)).body.usage.prompt_tokens).toBeGreaterThan(without + 100)
    expect((await call('GET', `/v1/agents/${id}/messages`)).body).toHaveLength(1)
    expect((await call('GET', '/v1/runs')).body).toEqual([])
  })

  it('refuses a blank prompt, and agents and models that are not there', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    for (const prompt of ['', ' \n']) {
      const { status, body } = await call('POST', `/v1/agents/${id}/generate`, { prompt })
      expect([status, body.errors[0].field]).toEqual([422, 'prompt'])
    }
    expect((await call('POST', `/v1/agents/${newId('agent')}/generate`, { prompt: 'Hi' })).status).toBe(404)
    expect((await call('POST', `/v1/agents/${id}/generate`, { prompt: 'Hi', override_model: 'nobody/nothing' })).status).toBe(404)
  })

  it.each([
    ['not_found', 404],
    ['auth', 401],
    ['bad_request', 400],
    ['context', 400],
  ])('tells a failure of the model: %s is a %i', async (kind, status) => {
    const { call } = await freshOrganization()
    const failed = await call('POST', `/v1/agents/${await agent(call)}/generate`, { prompt: `/fail ${kind}` })
    expect(failed).toMatchObject({ status, body: { error: { type: expect.any(String), message: expect.any(String) } } })
  })
})

describe('POST …/messages/preview-raw-payload', () => {
  it('answers what the model would be sent, in the agent’s own context and in a conversation', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { include_base_tools: true })
    await call('POST', `/v1/agents/${id}/messages`, { input: '/say before' })
    const { body } = await call('POST', `/v1/agents/${id}/messages/preview-raw-payload`, { input: 'after' })
    expect(body).toMatchObject({ model: 'loci/scripted', system: expect.stringMatching(/^You are Ada\./), tool_choice: { type: 'auto' } })
    expect(body.messages.map((m: { role: string }) => m.role)).toEqual(['user', 'assistant', 'user'])
    expect(body.tools.map((tool: { name: string }) => tool.name)).toContain('conversation_search')
    const { id: conversation } = (await call('POST', `/v1/conversations?agent_id=${id}`, {})).body
    const inside = (await call('POST', `/v1/conversations/${conversation}/messages/preview-raw-payload`, { input: 'hello' })).body
    expect(inside.messages).toHaveLength(1)
    expect(inside.system).toContain(`CONVERSATION_ID: ${conversation}`)
    const own = (await call('POST', '/v1/conversations/default/messages/preview-raw-payload', { input: 'x', agent_id: id })).body
    expect(own.messages).toHaveLength(3)
  })

  it('stores nothing, whatever is previewed', async () => {
    const { call, organization_id } = await freshOrganization()
    const id = await agent(call)
    const request = { messages: [{ role: 'user', content: 'hi', otid: 'mine' }], streaming: true, stream_tokens: true }
    for (let n = 0; n < 2; n++) expect((await call('POST', `/v1/agents/${id}/messages/preview-raw-payload`, request)).status).toBe(200)
    const count = (table: string) =>
      bindings.DB.prepare(`select count(*) as n from ${table} where organization_id = ?`).bind(organization_id).first<{ n: number }>()
    expect(await Promise.all(['messages', 'runs', 'steps', 'provider_traces'].map(async (table) => (await count(table))?.n))).toEqual([
      1, 0, 0, 0,
    ])
    expect((await call('POST', `/v1/agents/${id}/messages`, { ...request, streaming: false, stream_tokens: false })).status).toBe(200)
  })

  it('is refused as the request would be', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { context_window_limit: 10 })
    const preview = (request: object) => call('POST', `/v1/agents/${id}/messages/preview-raw-payload`, request)
    expect((await preview({})).status).toBe(422)
    expect((await preview({ input: 'hi', override_model: 'openai/gpt-4o' })).body.detail).toContain('OPENAI_API_KEY')
    expect(await preview({ input: 'hi' })).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('fill the context window') },
    })
  })
})

describe('a model of the organization’s own provider', () => {
  it('is asked with its key, summarizes, and shows what it would be sent', async () => {
    const { call } = await freshOrganization()
    const origin = 'https://own-models.example'
    const chunk = (fields: object) =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'small', ...fields })}\n\n`
    const words = chunk({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Mine.' }, finish_reason: null }] })
    const end = chunk({
      choices: [{ index: 0, delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    })
    const seen = outside(origin, ({ url }) =>
      url.pathname === '/v1/models'
        ? Response.json({ data: [{ id: 'small', context_length: 16_000 }] })
        : new Response(`${words}${end}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } }),
    )
    const own = { name: 'mine', provider_type: 'openai', api_key: 'sk-own', base_url: `${origin}/v1` }
    expect((await call('POST', '/v1/providers', own)).status).toBe(200)
    const id = await agent(call)
    const asked = () => seen.filter(({ url }) => url.pathname.endsWith('/chat/completions')).length
    const preview = { input: 'hi', override_model: 'mine/small' }
    const payload = (await call('POST', `/v1/agents/${id}/messages/preview-raw-payload`, preview)).body
    expect(payload).toMatchObject({ model: 'small', stream: true, messages: [{ role: 'system' }, { role: 'user', content: 'hi' }] })
    expect(asked()).toBe(0)
    const generated = (await call('POST', `/v1/agents/${id}/generate`, { prompt: 'Hi', override_model: 'mine/small' })).body
    expect(generated).toMatchObject({ content: 'Mine.', model: 'mine/small', usage: { total_tokens: 4 } })
    await call('POST', `/v1/agents/${id}/messages`, { input: '/say one' })
    const settings = { mode: 'all', model: 'mine/small' }
    const compacted = (await call('POST', `/v1/agents/${id}/summarize`, { compaction_settings: settings })).body
    expect(compacted).toMatchObject({ summary: 'Mine.', num_messages_after: 2 })
    expect(asked()).toBe(2)
  })
})
