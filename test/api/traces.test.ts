import { describe, expect, it } from 'vitest'
import { forgetTraces } from '../../src/resources/traces/service'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const send = (call: Call, id: string, input: string) => call('POST', `/v1/agents/${id}/messages`, { input })

type Span = {
  name: string
  span_id: string
  parent_span_id: string | null
  trace_id: string
  start_time_ns: number
  end_time_ns: number
} & {
  status: { code: string; message: string | null }
  attributes: Record<string, unknown>
}
const trace = async (call: Call, run: string, query = ''): Promise<Span[]> => (await call('GET', `/v1/runs/${run}/trace${query}`)).body

describe('the trace of a run', () => {
  it('has a span for the run, each step, and in it the model and the tools', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { body } = await send(call, id, '/call conversation_search {"query":"x"}\n/call nothing {}\n/then\n/say Done.')
    const { run_id, step_id } = body.messages[0]
    const spans = await trace(call, run_id)
    const tree = (of: string | null): unknown[] =>
      spans.filter((span) => span.parent_span_id === of).map((span) => [span.name, ...tree(span.span_id)])
    expect(tree(null)).toEqual([
      [`invoke_agent ${id}`, ['agent_step', ['chat scripted'], ['execute_tools']], ['agent_step', ['chat scripted']]],
    ])
    expect(new Set(spans.map((span) => span.span_id)).size).toBe(spans.length)
    const trace_id = run_id.slice(4).replaceAll('-', '')
    for (const span of spans) {
      expect(span).toMatchObject({ trace_id, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) })
      const parent = spans.find((other) => other.span_id === span.parent_span_id) ?? span
      expect(span.start_time_ns).toBeGreaterThanOrEqual(parent.start_time_ns)
      expect(span.end_time_ns).toBeGreaterThanOrEqual(span.start_time_ns)
      expect(span.end_time_ns).toBeLessThanOrEqual(parent.end_time_ns)
    }
    const [run, step, chat, tools] = spans
    expect(run?.attributes).toMatchObject({ 'letta.run.id': run_id, 'letta.run.status': 'completed', 'letta.run.steps': 2 })
    expect(step?.attributes).toMatchObject({ 'letta.step.id': step_id, 'letta.step.number': 1 })
    expect(chat?.attributes).toMatchObject({ 'gen_ai.request.model': 'scripted', 'gen_ai.usage.output_tokens': expect.any(Number) })
    expect(tools?.attributes['letta.tool.calls']).toEqual([
      { 'gen_ai.tool.call.id': expect.any(String), 'gen_ai.tool.name': 'conversation_search', status: 'success' },
      { 'gen_ai.tool.call.id': expect.any(String), 'gen_ai.tool.name': 'nothing', status: 'error' },
    ])
    expect(spans.map(({ status }) => status.code)).toEqual(['OK', 'OK', 'OK', 'ERROR', 'OK', 'OK'])
    expect((await trace(call, run_id, '?limit=2')).map((span) => span.name)).toEqual([`invoke_agent ${id}`, 'agent_step'])
    expect((await call('GET', `/v1/runs/${run_id}/trace?limit=0`)).status).toBe(422)
  })

  it('tells what failed, and has no end while the run goes on', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { run_id } = (await send(call, id, '/fail auth')).body
    const [run, step, chat] = await trace(call, run_id)
    expect(run?.status).toEqual({ code: 'ERROR', message: expect.stringContaining('failing with auth') })
    expect(step).toMatchObject({ status: { code: 'ERROR' }, attributes: { 'error.type': 'llm_authentication' } })
    expect(chat).toMatchObject({ status: { code: 'ERROR' }, end_time_ns: null })
    const waiting = (await call('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 10s' })).body
    expect((await trace(call, waiting.id))[0]).toMatchObject({ status: { code: 'UNSET' }, end_time_ns: null })
    await call('POST', `/v1/agents/${id}/messages/cancel`, {})
    expect((await trace(call, waiting.id))[0]).toMatchObject({ status: { code: 'UNSET', message: 'cancelled' } })
  })
})

describe('the trace of a step', () => {
  it('is what the model was sent and what it answered', async () => {
    const { call, organization_id, user_id } = await freshOrganization()
    const id = await agent(call, { system: 'You are Ada.', tags: ['traced'] })
    const { body } = await send(call, id, '/think hm\n/say Hello.')
    const { step_id, run_id } = body.messages[0]
    const stored = (await call('GET', `/v1/steps/${step_id}/trace`)).body
    expect(stored).toMatchObject({
      id: expect.stringMatching(/^provider_trace-/),
      step_id,
      run_id,
      agent_id: id,
      org_id: organization_id,
      user_id,
      agent_tags: ['traced'],
      call_type: 'agent_step',
      llm_config: { handle: 'loci/scripted', model: 'scripted' },
      request_json: { model: 'loci/scripted', system: expect.stringMatching(/^You are Ada\./), messages: [{ role: 'user' }] },
      response_json: {
        content: [{ type: 'reasoning' }, { type: 'text', text: 'Hello.' }],
        usage: { total_tokens: body.usage.total_tokens },
      },
      latency_ms: expect.any(Number),
      billing_context: null,
    })
    expect((await call('GET', `/v1/telemetry/${step_id}`)).body).toEqual(stored)
  })

  it('is null for a step whose model failed; bodies that are too long are cut and say so', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await send(call, id, '/fail auth')
    const [step] = (await call('GET', '/v1/steps')).body
    expect(await call('GET', `/v1/steps/${step.id}/trace`)).toMatchObject({ status: 200, body: null })
    const { body } = await send(call, id, `/say ok\n${'long '.repeat(60_000)}`)
    const { request_json } = (await call('GET', `/v1/steps/${body.messages[0].step_id}/trace`)).body
    expect(request_json).toMatchObject({ cut: expect.stringMatching(/^The first 250000 of \d+ characters/), text: expect.any(String) })
    expect(request_json.text).toHaveLength(250_000)
  })

  it('goes with its run or its agent, and when its days are over', async () => {
    const { call, organization_id } = await freshOrganization()
    const count = async () =>
      (await DB.prepare('select count(*) as n from provider_traces where organization_id = ?').bind(organization_id).first<{ n: number }>())
        ?.n
    const [one, two] = [await agent(call), await agent(call)]
    const first = (await send(call, one, '/say a')).body.messages[0]
    await send(call, one, '/say b')
    await send(call, two, '/say c')
    expect(await count()).toBe(3)
    await call('DELETE', `/v1/runs/${first.run_id}`)
    expect(await count()).toBe(2)
    await call('DELETE', `/v1/agents/${two}`)
    expect(await count()).toBe(1)
    await forgetTraces(DB, Date.now() - 60_000)
    expect(await count()).toBe(1)
    await forgetTraces(DB, Date.now() + 1)
    expect(await count()).toBe(0)
  })
})

it('a step can be given the name of a transaction', async () => {
  const { call } = await freshOrganization()
  const { step_id } = (await send(call, await agent(call), '/say hi')).body.messages[0]
  const named = await call('PATCH', `/v1/steps/${step_id}/transaction/${encodeURIComponent('invoice/17')}`)
  expect(named).toMatchObject({ status: 200, body: { id: step_id, tid: 'invoice/17' } })
  expect((await call('GET', `/v1/steps/${step_id}`)).body.tid).toBe('invoice/17')
  expect((await call('PATCH', `/v1/steps/${step_id}/transaction/${'x'.repeat(256)}`)).status).toBe(422)
})
