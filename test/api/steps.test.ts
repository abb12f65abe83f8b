import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Call, freshOrganization } from '../support/client'

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const send = (call: Call, id: string, input: string) => call('POST', `/v1/agents/${id}/messages`, { input })
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)

describe('steps', () => {
  it('are shown with all their fields', async () => {
    const { call, organization_id } = await freshOrganization()
    const id = await agent(call, { tags: ['t'] })
    const { body } = await send(call, id, '/say hello')
    const { step_id, run_id } = body.messages[0]
    const { body: step } = await call('GET', `/v1/steps/${step_id}`)
    expect(step).toMatchObject({
      id: step_id,
      run_id,
      agent_id: id,
      organization_id,
      model: 'scripted',
      model_handle: 'loci/scripted',
      provider_name: 'loci',
      provider_category: 'base',
      prompt_tokens: body.usage.prompt_tokens,
      completion_tokens: body.usage.completion_tokens,
      cached_input_tokens: null,
      stop_reason: 'end_turn',
      status: 'success',
      tags: ['t'],
      messages: [],
      feedback: null,
      error_type: null,
      trace_id: null,
    })
    expect(step).not.toHaveProperty('sequence_id')
    const metrics = (await call('GET', `/v1/steps/${step_id}/metrics`)).body
    expect(metrics).toMatchObject({
      id: step_id,
      run_id,
      agent_id: id,
      organization_id,
      step_ns: expect.any(Number),
      llm_request_ns: expect.any(Number),
      tool_execution_ns: null,
    })
    expect(metrics.step_start_ns).toBeGreaterThan(1e18)
    expect((await call('GET', `/v1/steps/${step_id}/messages`)).body).toMatchObject([
      { id: body.messages[0].id, content: 'hello', step_id },
    ])
  })

  it('are listed by every filter', async () => {
    const { call } = await freshOrganization()
    const project = { project_id: 'p', template_id: 't', base_template_id: 'b' }
    const [one, two] = [await agent(call, { tags: ['x'], ...project }), await agent(call, { tags: ['y', 'z'] })]
    await send(call, one, '/say a')
    await send(call, two, '/say b')
    await send(call, two, '/say c')
    const all = ids((await call('GET', '/v1/steps?order=asc')).body)
    expect(all).toHaveLength(3)
    const list = async (query: string) => ids((await call('GET', `/v1/steps/?order=asc&${query}`)).body)
    expect(ids((await call('GET', '/v1/steps')).body)).toEqual(all.toReversed())
    expect(await list(`agent_id=${two}`)).toEqual(all.slice(1))
    expect(await list('tags=z&tags=nothing')).toEqual(all.slice(1))
    expect(await list('model=scripted')).toEqual(all)
    expect(await list('model=gpt')).toEqual([])
    expect(await list('trace_ids=t')).toEqual([])
    expect(await list('project_id=p')).toEqual([all[0]])
    expect(await list('project_id=other')).toEqual([])
    expect((await call('GET', `/v1/steps/${all[0]}`)).body.project_id).toBe('p')
    expect((await call('GET', `/v1/steps/${all[0]}/metrics`)).body).toMatchObject(project)
    const [run] = (await call('GET', `/v1/runs?agent_id=${one}`)).body
    expect(run.base_template_id).toBe('b')
    expect((await call('GET', `/v1/runs/${run.id}/metrics`)).body).toMatchObject(project)
    const today = new Date().toISOString().slice(0, 10)
    expect(await list(`start_date=${today}&end_date=${today}`)).toEqual(all)
    expect(await list('end_date=2020-01-01')).toEqual([])
    expect(await list('has_feedback=true')).toEqual([])
    await call('PATCH', `/v1/steps/${all[1]}/feedback`, { feedback: 'negative' })
    expect(await list('has_feedback=true')).toEqual([all[1]])
    expect(await list('has_feedback=false')).toEqual([all[0], all[2]])
    expect(await list('feedback=negative')).toEqual([all[1]])
    expect(await list('feedback=positive')).toEqual([])
    expect(await list(`limit=1&after=${all[0]}`)).toEqual([all[1]])
    expect((await call('GET', '/v1/steps?feedback=lukewarm')).status).toBe(422)
    expect((await call('GET', '/v1/steps?start_date=yesterday')).status).toBe(422)
  })

  it('take feedback and give it back', async () => {
    const { call } = await freshOrganization()
    const { body } = await send(call, await agent(call, { tags: ['t'] }), '/say hello')
    const path = `/v1/steps/${body.messages[0].step_id}`
    expect((await call('PATCH', `${path}/feedback`, { feedback: 'positive', tags: ['good'] })).body).toMatchObject({
      feedback: 'positive',
      tags: ['good'],
    })
    expect((await call('PATCH', `${path}/feedback`, {})).body).toMatchObject({ feedback: 'positive', tags: ['good'] })
    expect((await call('PATCH', `${path}/feedback`, { feedback: null })).body).toMatchObject({ feedback: null, tags: ['good'] })
    const wrong = await call('PATCH', `${path}/feedback`, { feedback: 'meh' })
    expect([wrong.status, wrong.body.detail]).toEqual([422, expect.stringContaining('feedback')])
  })

  it('are a 404 when missing or foreign', async () => {
    const { call } = await freshOrganization()
    const { body } = await send(call, await agent(call), 'hello')
    const stranger = (await freshOrganization()).call
    for (const id of [body.messages[0].step_id, newId('step')])
      for (const [method, path, sent] of [
        ['GET', ''],
        ['GET', '/metrics'],
        ['GET', '/messages'],
        ['PATCH', '/feedback', { feedback: 'positive' }],
      ] as const)
        expect([path, (await stranger(method, `/v1/steps/${id}${path}`, sent)).status]).toEqual([path, 404])
    expect((await stranger('GET', '/v1/steps')).body).toEqual([])
    expect((await call('GET', `/v1/steps/${body.messages[0].step_id}`)).body.feedback).toBeNull()
  })
})
