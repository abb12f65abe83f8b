import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { resumeBatches } from '../../src/resources/batches/submit'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const { DB } = bindings
const agent = async (call: Call): Promise<string> => (await call('POST', '/v1/agents/', { name: 'Ada' })).body.id
const create = (call: Call, requests: unknown[], headers = {}) => call('POST', '/v1/messages/batches', { requests }, headers)
const ids = (rows: { id: string }[]) => rows.map((row) => row.id)
const ended = async (call: Call, id: string) => {
  for (;;) {
    const { body } = await call('GET', `/v1/messages/batches/${id}`)
    if (body.completed_at !== null) return body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a batch', () => {
  it('runs every request in the background, those to one agent in order, and is completed when all have ended', async () => {
    const { call, user_id } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    const { status, body } = await create(call, [
      { agent_id: one, input: '/wait 50ms\n/say first' },
      { agent_id: two, messages: [{ role: 'user', content: '/say other' }] },
      { agent_id: one, input: '/say second' },
      { agent_id: two, input: '/fail auth' },
    ])
    expect([status, body]).toMatchObject([200, { id: expect.stringMatching(/^job-/), job_type: 'batch', user_id, background: true }])
    expect(['created', 'running', 'completed']).toContain(body.status)
    const done = await ended(call, body.id)
    expect(done).toMatchObject({ status: 'completed', metadata: { requests: 4 }, total_duration_ns: expect.any(Number), agent_id: null })
    expect((await call('GET', `/v1/jobs/${body.id}`)).body).toEqual(done)
    const runs = (await call('GET', '/v1/runs?order=asc')).body
    expect(runs.map((run: { metadata: { run_type: string }; background: boolean }) => [run.metadata.run_type, run.background])).toEqual(
      Array.from({ length: 4 }, () => ['batch', true]),
    )
    const said = (await call('GET', `/v1/agents/${one}/messages?order=asc&include_return_message_types=assistant_message`)).body
    expect(said.map((m: { content: string }) => m.content)).toEqual(['first', 'second'])
    const messagesOf = async (query: string) => (await call('GET', `/v1/messages/batches/${body.id}/messages?${query}`)).body.messages
    expect(await messagesOf('')).toHaveLength(7)
    const own = await messagesOf(`agent_id=${one}&order=asc`)
    expect(own.map((m: { role: string }) => m.role)).toEqual(['user', 'assistant', 'user', 'assistant'])
    expect(own[1]).toMatchObject({ content: [{ type: 'text', text: 'first' }], agent_id: one })
    expect(await messagesOf(`agent_id=${one}&order=asc&limit=1&after=${own[0].id}`)).toEqual([own[1]])
  })

  it('has failed when every request failed', async () => {
    const { call } = await freshOrganization()
    const { body } = await create(call, [{ agent_id: await agent(call), input: '/fail auth' }])
    expect(await ended(call, body.id)).toMatchObject({ status: 'failed' })
  })

  it('is refused whole, and nothing is stored, when one of its requests is wrong', async () => {
    const { call, organization_id } = await freshOrganization()
    const foreign = await agent((await freshOrganization()).call)
    const id = await agent(call)
    const good = { agent_id: id, input: '/say hi' }
    expect((await create(call, [good, { agent_id: foreign, input: 'hi' }])).status).toBe(404)
    expect((await create(call, [good, { agent_id: newId('agent'), input: 'hi' }])).status).toBe(404)
    expect(await create(call, [good, { input: 'hi' }])).toMatchObject({ status: 422, body: { errors: [{ field: 'requests.1.agent_id' }] } })
    expect((await create(call, [good, { agent_id: id }])).status).toBe(422)
    expect((await create(call, [good, { agent_id: id, input: 'hi', override_model: 'nobody/nothing' }])).status).toBe(404)
    expect((await create(call, [])).status).toBe(422)
    const called = await call('POST', '/v1/messages/batches', { requests: [good], callback_url: 'https://example.com' })
    expect(called).toMatchObject({ status: 422, body: { detail: expect.stringContaining('not served for batches') } })
    expect(await DB.prepare('select count(*) as n from jobs where organization_id = ?').bind(organization_id).first()).toEqual({ n: 0 })
  })

  it('is created once for requests with one Idempotency-Key', async () => {
    const { call } = await freshOrganization()
    const requests = [{ agent_id: await agent(call), input: '/say hi' }]
    const answers = [await create(call, requests, { 'idempotency-key': 'b' }), await create(call, requests, { 'idempotency-key': 'b' })]
    expect(answers[1]?.body).toEqual(answers[0]?.body)
    await ended(call, answers[0]?.body.id)
    expect((await call('GET', '/v1/runs')).body).toHaveLength(1)
  })

  it('can be cancelled: what runs ends, what was not submitted never is', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    const { body } = await create(call, [
      { agent_id: one, input: '/wait 20s' },
      { agent_id: one, input: '/say never' },
      { agent_id: two, input: '/wait 20s' },
    ])
    expect(ids((await call('GET', '/v1/messages/batches?active=true')).body)).toEqual([body.id])
    expect((await call('DELETE', `/v1/jobs/${body.id}`)).status).toBe(409)
    expect(await call('PATCH', `/v1/messages/batches/${body.id}/cancel`)).toMatchObject({ status: 200, body: null })
    expect((await call('GET', `/v1/messages/batches/${body.id}`)).body).toMatchObject({
      status: 'cancelled',
      completed_at: expect.any(String),
    })
    expect((await call('GET', '/v1/runs?statuses=cancelled')).body).toHaveLength(3)
    expect((await call('PATCH', `/v1/jobs/${body.id}/cancel`)).body).toMatchObject({ status: 'cancelled' })
    expect((await call('GET', '/v1/messages/batches?active=true')).body).toEqual([])
  })

  it('is taken up when its caller was cut before all was submitted', async () => {
    const { call } = await freshOrganization()
    const { body } = await create(call, [{ agent_id: await agent(call), input: '/say hi' }])
    await ended(call, body.id)
    const [run] = (await call('GET', '/v1/runs')).body
    // As a crash would leave it: the request was submitted, and that was not written down.
    const item = 'where llm_batch_id = (select id from llm_batch_job where letta_batch_job_id = ?1)'
    await DB.batch([
      DB.prepare(`update llm_batch_items set run_id = null, request_status = 'created' ${item}`).bind(body.id),
      DB.prepare("update jobs set status = 'created', completed_at = null where id = ?1").bind(body.id),
      DB.prepare('update llm_batch_job set created_at = 0 where letta_batch_job_id = ?1').bind(body.id),
    ])
    expect((await call('GET', `/v1/jobs/${body.id}`)).body).toMatchObject({ status: 'created' })
    await resumeBatches(bindings)
    expect((await call('GET', `/v1/jobs/${body.id}`)).body).toMatchObject({ status: 'completed' })
    expect(ids((await call('GET', '/v1/runs')).body)).toEqual([run.id])
  })

  it('tells of a request whose agent is gone', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const { body } = await create(call, [{ agent_id: id, input: '/say hi' }])
    await ended(call, body.id)
    const item = 'where llm_batch_id = (select id from llm_batch_job where letta_batch_job_id = ?1)'
    await call('DELETE', `/v1/agents/${id}`)
    await DB.batch([
      DB.prepare(`update llm_batch_items set run_id = null, request_status = 'created' ${item}`).bind(body.id),
      DB.prepare("update jobs set status = 'created', completed_at = null where id = ?1").bind(body.id),
      DB.prepare('update llm_batch_job set created_at = 0 where letta_batch_job_id = ?1').bind(body.id),
    ])
    await resumeBatches(bindings)
    expect((await call('GET', `/v1/jobs/${body.id}`)).body).toMatchObject({ status: 'failed' })
    const row = await DB.prepare(`select batch_request_result as result from llm_batch_items ${item}`)
      .bind(body.id)
      .first<{ result: string }>()
    expect(JSON.parse(row?.result ?? '')).toMatchObject({ error: { type: 'not_found' } })
  })
})

describe('jobs', () => {
  it('are listed, paged and deleted; other organizations have none of them', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const made: string[] = []
    for (let n = 0; n < 3; n++) {
      const { body } = await create(call, [{ agent_id: id, input: '/say hi' }])
      await ended(call, body.id)
      made.push(body.id)
    }
    const list = async (query: string) => ids((await call('GET', `/v1/jobs/?${query}`)).body)
    expect(await list('order=asc')).toEqual(made)
    expect(await list('')).toEqual(made.toReversed())
    expect(await list(`limit=1&after=${made[2]}`)).toEqual([made[1]])
    expect(await list('ascending=true&limit=1')).toEqual([made[0]])
    expect(await list('active=true')).toEqual([])
    expect(await list('source_id=source-1')).toEqual([])
    expect((await call('GET', '/v1/jobs/active')).body).toEqual([])
    expect((await call('DELETE', `/v1/jobs/${made[0]}`)).body).toMatchObject({ id: made[0], status: 'completed' })
    expect((await call('GET', `/v1/messages/batches/${made[0]}`)).status).toBe(404)
    expect(await list('order=asc')).toEqual(made.slice(1))
    expect((await call('GET', '/v1/runs')).body).toHaveLength(3)
    const stranger = await freshOrganization()
    expect((await stranger.call('GET', '/v1/jobs/')).body).toEqual([])
    expect((await stranger.call('GET', `/v1/jobs/${made[1]}`)).status).toBe(404)
  })
})
