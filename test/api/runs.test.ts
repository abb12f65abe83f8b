import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Call, freshOrganization } from '../support/client'

const agent = async (call: Call): Promise<string> => (await call('POST', '/v1/agents/', { name: 'Ada' })).body.id
const send = (call: Call, id: string, input: string, more: Record<string, unknown> = {}) =>
  call('POST', `/v1/agents/${id}/messages`, { input, ...more })
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)

describe('runs', () => {
  it('are made by every request and shown with all their fields', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { body } = await send(call, id, '/say hello')
    const run_id = body.messages[0].run_id
    const { body: run } = await call('GET', `/v1/runs/${run_id}`)
    expect(run).toEqual({
      id: run_id,
      agent_id: id,
      conversation_id: null,
      status: 'completed',
      stop_reason: 'end_turn',
      background: false,
      created_at: expect.stringMatching(/Z$/),
      completed_at: expect.stringMatching(/Z$/),
      base_template_id: null,
      metadata: { run_type: 'send_message' },
      request_config: {
        use_assistant_message: true,
        assistant_message_tool_name: 'send_message',
        assistant_message_tool_kwarg: 'message',
        include_return_message_types: null,
      },
      callback_url: null,
      callback_sent_at: null,
      callback_status_code: null,
      callback_error: null,
      ttft_ns: expect.any(Number),
      total_duration_ns: expect.any(Number),
    })
    expect((await call('GET', '/v1/runs')).body).toEqual([run])
  })

  it('are listed by every filter, newest first, with cursors relative to the order', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    const conversation = (await call('POST', `/v1/conversations?agent_id=${two}`)).body.id
    await send(call, one, '/say a')
    await send(call, one, '/fail auth')
    await call('POST', `/v1/conversations/${conversation}/messages`, { input: '/say b', streaming: true, background: true })
    const waiting = (await call('POST', `/v1/agents/${two}/messages/async`, { input: '/wait 60s' })).body.id
    const all = ids((await call('GET', '/v1/runs?order=asc')).body)
    expect(all).toHaveLength(4)
    expect(all[3]).toBe(waiting)
    const list = async (query: string) => ids((await call('GET', `/v1/runs/?order=asc&${query}`)).body)
    expect(ids((await call('GET', '/v1/runs')).body)).toEqual(all.toReversed())
    expect(await list(`agent_id=${one}`)).toEqual(all.slice(0, 2))
    expect(await list(`agent_ids=${one}&agent_ids=${two}`)).toEqual(all)
    expect(await list(`agent_ids=${one}`)).toEqual(all.slice(0, 2))
    expect(await list(`conversation_id=${conversation}`)).toEqual([all[2]])
    expect(await list(`conversation_id=default&agent_id=${two}`)).toEqual([waiting])
    expect(await list('statuses=failed&statuses=completed')).toEqual(all.slice(0, 3))
    expect(await list('stop_reason=end_turn')).toEqual([all[0], all[2]])
    expect(await list('background=true')).toEqual([all[2], waiting])
    expect(await list('background=false')).toEqual(all.slice(0, 2))
    expect(await list('active=true')).toEqual([waiting])
    expect(await list('active=false&background=&stop_reason=')).toEqual(all)
    expect(await list(`limit=2&after=${all[0]}`)).toEqual(all.slice(1, 3))
    expect(await list(`limit=2&before=${all[3]}`)).toEqual(all.slice(1, 3))
    expect(ids((await call('GET', `/v1/runs?limit=2&after=${all[2]}`)).body)).toEqual([all[1], all[0]])
    expect(ids((await call('GET', '/v1/runs?ascending=true')).body)).toEqual(all)
    expect(ids((await call('GET', '/v1/runs/active')).body)).toEqual([waiting])
    expect(ids((await call('GET', `/v1/runs/active?agent_id=${one}`)).body)).toEqual([])
    expect((await call('GET', '/v1/runs?statuses=dozing')).status).toBe(422)
    await call('POST', `/v1/agents/${two}/messages/cancel`, {})
    expect((await call('GET', '/v1/runs/active')).body).toEqual([])
    expect(ids((await call('GET', '/v1/runs?stop_reason=cancelled&limit=1')).body)).toEqual([waiting])
  })

  it('tell their usage, metrics, steps and messages', async () => {
    const { call, organization_id } = await freshOrganization()
    const id = await agent(call)
    const { body } = await send(call, id, '/call conversation_search {"query": "x"}\n/then\n/say done')
    const run_id = body.messages[0].run_id
    const usage = (await call('GET', `/v1/runs/${run_id}/usage`)).body
    expect(usage).toEqual({
      prompt_tokens: body.usage.prompt_tokens,
      completion_tokens: body.usage.completion_tokens,
      total_tokens: body.usage.total_tokens,
      prompt_tokens_details: null,
      completion_tokens_details: { reasoning_tokens: 0 },
    })
    const metrics = (await call('GET', `/v1/runs/${run_id}/metrics`)).body
    expect(metrics).toMatchObject({
      id: run_id,
      organization_id,
      agent_id: id,
      num_steps: 2,
      tools_used: [expect.stringMatching(/^tool-/)],
      run_ns: expect.any(Number),
    })
    expect(metrics.run_start_ns).toBeGreaterThan(1e18)
    const steps = (await call('GET', `/v1/runs/${run_id}/steps?order=asc`)).body
    expect(steps).toMatchObject([
      { run_id, agent_id: id, status: 'success' },
      { run_id, agent_id: id, status: 'success', stop_reason: 'end_turn' },
    ])
    expect(ids((await call('GET', `/v1/runs/${run_id}/steps`)).body)).toEqual(ids(steps).toReversed())
    expect(ids((await call('GET', `/v1/runs/${run_id}/steps?order=asc&after=${steps[0].id}`)).body)).toEqual([steps[1].id])
    const messages = (await call('GET', `/v1/runs/${run_id}/messages`)).body
    expect(messages.map((m: { message_type: string }) => m.message_type)).toEqual([
      'user_message',
      'tool_call_message',
      'tool_return_message',
      'assistant_message',
    ])
    expect(ids((await call('GET', `/v1/runs/${run_id}/messages?order=desc&limit=1`)).body)).toEqual([messages[3].id])
  })

  it('are deleted with their steps when they have ended; their messages stay', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { body } = await send(call, id, '/say stays')
    const { run_id, step_id } = body.messages[0]
    const busy = (await call('POST', `/v1/agents/${id}/messages/async`, { input: '/wait 60s' })).body.id
    const conflict = await call('DELETE', `/v1/runs/${busy}`)
    expect([conflict.status, conflict.body.detail]).toEqual([409, expect.stringContaining('in progress')])
    const deleted = await call('DELETE', `/v1/runs/${run_id}`)
    expect([deleted.status, deleted.body]).toEqual([200, null])
    for (const path of [
      `/v1/runs/${run_id}`,
      `/v1/runs/${run_id}/steps`,
      `/v1/runs/${run_id}/usage`,
      `/v1/runs/${run_id}/metrics`,
      `/v1/steps/${step_id}`,
    ])
      expect([path, (await call('GET', path)).status]).toEqual([path, 404])
    expect((await call('DELETE', `/v1/runs/${run_id}`)).status).toBe(404)
    expect(JSON.stringify((await call('GET', `/v1/agents/${id}/messages`)).body)).toContain('stays')
    await call('POST', `/v1/agents/${id}/messages/cancel`, {})
  })

  it('are a 404 when missing or foreign', async () => {
    const { call } = await freshOrganization()
    const { body } = await send(call, await agent(call), 'hello')
    const stranger = (await freshOrganization()).call
    for (const run_id of [body.messages[0].run_id, newId('run')])
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['GET', '/usage'],
        ['GET', '/metrics'],
        ['GET', '/steps'],
        ['GET', '/messages'],
        ['POST', '/stream'],
      ] as const)
        expect([path, (await stranger(method, `/v1/runs/${run_id}${path}`)).status]).toEqual([path, 404])
    expect((await stranger('GET', '/v1/runs')).body).toEqual([])
    expect((await call('GET', '/v1/runs/run-1')).status).toBe(422)
  })
})
