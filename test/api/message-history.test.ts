import { describe, expect, it } from 'vitest'
import { newId } from '../../src/lib/id'
import { type Call, freshOrganization } from '../support/client'

type Message = { id: string; message_type: string; content: string; otid: string; run_id: string; step_id: string }

const agent = async (call: Call, fields: Record<string, unknown> = {}): Promise<string> =>
  (await call('POST', '/v1/agents/', { name: 'Ada', ...fields })).body.id
const send = (call: Call, id: string, input: unknown, more: Record<string, unknown> = {}) =>
  call('POST', `/v1/agents/${id}/messages`, { input, ...more })
const list = async (call: Call, id: string, query = 'order=asc'): Promise<Message[]> =>
  (await call('GET', `/v1/agents/${id}/messages?${query}`)).body
const types = (rows: { message_type: string }[]) => rows.map((row) => row.message_type)
const contents = (rows: { content: unknown }[]) => rows.map((row) => row.content)

describe('the history of an agent', () => {
  it('pages both ways, newest first unless asked otherwise, in the order of the list', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    for (const text of ['a', 'b', 'c']) await send(call, id, `/say ${text}`)
    const all = await list(call, id)
    expect(contents(await list(call, id, ''))).toEqual(contents(all.toReversed()))
    const at = (i: number) => all[i]?.id
    const page = async (query: string) => contents(await list(call, id, query))
    const text = contents(all)
    expect(await page(`order=asc&limit=2&after=${at(2)}`)).toEqual(text.slice(3, 5))
    expect(await page(`order=asc&limit=2&before=${at(5)}`)).toEqual(text.slice(3, 5))
    expect(await page(`order=desc&limit=2&after=${at(3)}`)).toEqual([text[2], text[1]])
    expect(await page(`order=desc&limit=2&before=${at(3)}`)).toEqual([text[5], text[4]])
    expect(await page(`order=asc&after=${at(1)}&before=${at(4)}`)).toEqual(text.slice(2, 4))
    expect(await page(`after=${at(0)}`)).toEqual([])
    expect((await call('GET', `/v1/agents/${id}/messages?after=${newId('message')}`)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${id}/messages?limit=0`)).status).toBe(422)
    const conversation = (await call('POST', `/v1/conversations?agent_id=${id}`)).body
    await call('POST', `/v1/conversations/${conversation.id}/messages`, { input: '/say apart', streaming: false })
    expect(await page('order=asc')).toHaveLength(text.length + 3)
    expect(await page('order=asc&conversation_id=default')).toEqual(text)
    expect(await page(`order=asc&conversation_id=${conversation.id}`)).toHaveLength(3)
    expect((await call('GET', `/v1/agents/${id}/messages?conversation_id=elsewhere`)).status).toBe(422)
    const other = await agent(call)
    expect((await call('GET', `/v1/agents/${other}/messages?conversation_id=${conversation.id}`)).status).toBe(400)
  })

  it('pages a conversation both ways, shared messages of a fork included', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const origin = (await call('POST', `/v1/conversations?agent_id=${id}`)).body
    const say = (conversation: string, text: string) =>
      call('POST', `/v1/conversations/${conversation}/messages`, { input: `/say ${text}`, streaming: false })
    await say(origin.id, 'a')
    await send(call, id, '/say between')
    const fork = (await call('POST', `/v1/conversations/${origin.id}/fork`)).body
    await say(fork.id, 'b')
    const path = `/v1/conversations/${fork.id}/messages`
    const all: Message[] = (await call('GET', `${path}?order=asc`)).body
    expect(types(all)).toEqual(['system_message', 'user_message', 'assistant_message', 'user_message', 'assistant_message'])
    const walk = async (order: string, limit: number) => {
      const seen: string[] = []
      for (let after = ''; ; ) {
        const page: Message[] = (await call('GET', `${path}?order=${order}&limit=${limit}${after && `&after=${after}`}`)).body
        if (page.length === 0) return seen
        seen.push(...page.map((m) => m.id))
        after = page.at(-1)?.id ?? ''
      }
    }
    const ids = all.map((m) => m.id)
    expect(await walk('asc', 2)).toEqual(ids)
    expect(await walk('desc', 2)).toEqual(ids.toReversed())
    const before: Message[] = (await call('GET', `${path}?order=desc&limit=2&before=${ids[1]}`)).body
    expect(before.map((m) => m.id)).toEqual([ids[3], ids[2]])
    expect((await call('GET', `${path}?after=${newId('message')}`)).status).toBe(404)
  })

  it('keeps the order of arrival in a conversation whose context begins anew with every request', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { message_buffer_autoclear: true })
    const conversation = (await call('POST', `/v1/conversations?agent_id=${id}`)).body.id
    const path = `/v1/conversations/${conversation}/messages`
    for (const text of ['a', 'b', 'c']) await call('POST', path, { input: `/say ${text}`, streaming: false })
    const [, ...said] = contents((await call('GET', `${path}?order=asc`)).body)
    expect(said).toEqual(['/say a', 'a', '/say b', 'b', '/say c', 'c'])
    expect((await call('GET', `/v1/conversations/${conversation}`)).body.in_context_message_ids).toHaveLength(3)
  })

  it('is read across agents, one message by its id, and by step', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    await send(call, one, '/say from one')
    await send(call, two, '/think hm\n/say from two')
    const all: Message[] = (await call('GET', '/v1/messages/?order=asc')).body
    expect(all).toHaveLength(7)
    expect((await call('GET', '/v1/messages/')).body[0].content).toBe('from two')
    expect((await call('GET', `/v1/messages?order=asc&limit=2&after=${all[1]?.id}`)).body).toEqual(all.slice(2, 4))
    expect((await call('GET', '/v1/messages/')).body).toEqual(all.toReversed())
    const last = all.at(-1) as Message
    expect((await call('GET', `/v1/messages/${last.id}`)).body).toEqual(all.slice(-2))
    expect((await call('GET', `/v1/steps/${last.step_id}/messages`)).body).toEqual(all.slice(-2))
    const stranger = (await freshOrganization()).call
    expect((await stranger('GET', '/v1/messages/')).body).toEqual([])
    for (const path of [`/v1/messages/${last.id}`, `/v1/steps/${last.step_id}/messages`, `/v1/runs/${last.run_id}/messages`])
      expect([path, (await stranger('GET', path)).status]).toEqual([path, 404])
  })

  it('cannot be edited', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    const [system] = await list(call, id)
    const answer = await call('PATCH', `/v1/agents/${id}/messages/${system?.id}`, { content: 'x' })
    expect([answer.status, answer.body.detail]).toEqual([
      405,
      expect.stringMatching(/^Message editing is no longer supported\. Messages are immutable/),
    ])
    expect((await call('PATCH', `/v1/agents/${id}/messages/${newId('message')}`, {})).status).toBe(404)
  })

  it('survives a reset of the context', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call, { tags: ['t'] })
    await send(call, id, 'hello')
    const answer = await call('PATCH', `/v1/agents/${id}/reset-messages`, { add_default_initial_messages: true })
    expect(answer.body).toMatchObject({ id, tags: ['t'], message_ids: [expect.stringMatching(/^message-/)] })
    expect(await list(call, id)).toHaveLength(3)
    expect((await call('PATCH', `/v1/agents/${id}/reset-messages`)).status).toBe(200)
  })
})

describe('searching messages', () => {
  it('finds words in any form of query, best match first', async () => {
    const { call } = await freshOrganization()
    const id = await agent(call)
    await send(call, id, '/say Crème brûlée, at last.')
    await send(call, id, 'the green elephant eats green apples')
    await send(call, id, 'an apple a day')
    const search = async (query: string, more: Record<string, unknown> = {}) =>
      (await call('POST', '/v1/messages/search', { query, ...more })).body
    const hits = await search('green elephant')
    expect(hits[0]).toEqual({
      message_type: 'user_message',
      content: 'the green elephant eats green apples',
      message_id: expect.stringMatching(/^message-/),
      agent_id: id,
      conversation_id: null,
      created_at: expect.stringMatching(/Z$/),
      search_mode: 'fts',
      fts_rank: 1,
      vector_rank: null,
      rrf_score: 1 / 61,
    })
    expect(contents(await search('creme'))).toContain('Crème brûlée, at last.')
    for (const query of [
      '"',
      '*',
      'NEAR(',
      "'; drop table messages; --",
      'green" OR "x',
      'text:green',
      '-green',
      '^',
      '',
      '🐘',
      'AND OR NOT',
      '(((',
      'a'.repeat(5000),
    ])
      expect([query, Array.isArray(await search(query))]).toEqual([query, true])
    expect(await search('green', { limit: 1 })).toHaveLength(1)
    expect(await search('zebra')).toEqual([])
    expect((await call('POST', '/v1/messages/search', { query: 'x', limit: 101 })).status).toBe(422)
    expect((await call('POST', '/v1/messages/search', { query: 'x', start_date: 'soon' })).status).toBe(422)
  })

  it('is confined by agent, conversation, dates and organization', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [await agent(call), await agent(call)]
    const conversation = (await call('POST', `/v1/conversations?agent_id=${two}`)).body.id
    await send(call, one, '/say ok walrus')
    await call('POST', `/v1/conversations/${conversation}/messages`, { input: 'walrus two', streaming: false })
    const search = async (more: Record<string, unknown>) =>
      new Set(
        (await call('POST', '/v1/messages/search', { query: 'walrus', ...more })).body.map((hit: { agent_id: string }) => hit.agent_id),
      )
    expect(await search({})).toEqual(new Set([one, two]))
    expect(await search({ agent_id: one })).toEqual(new Set([one]))
    expect(await search({ conversation_id: conversation })).toEqual(new Set([two]))
    expect(await search({ agent_id: two, conversation_id: 'default' })).toEqual(new Set())
    const today = new Date().toISOString().slice(0, 10)
    expect(await search({ start_date: today, end_date: today })).toEqual(new Set([one, two]))
    expect(await search({ end_date: '2020-01-01' })).toEqual(new Set())
    expect(await search({ start_date: '2099-01-01T00:00:00+02:00' })).toEqual(new Set())
    for (const search_mode of ['fts', 'hybrid']) expect(await search({ search_mode })).toEqual(new Set([one, two]))
    expect((await call('POST', '/v1/messages/search', { query: 'walrus', search_mode: 'vector' })).status).toBe(400)
    expect((await (await freshOrganization()).call('POST', '/v1/messages/search', { query: 'walrus' })).body).toEqual([])
  })
})
