import { NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf } from '../api'

const types = (messages: { message_type?: string | null }[]) => messages.map(({ message_type }) => message_type)
const ids = (rows: { id: string }[]) => rows.map(({ id }) => id)
const turn = '/call conversation_search {"query":"tea"}\n/then\n/say Found.'

export function runs(api: Api): void {
  const agent = async () => {
    const member = await api.member()
    const { id } = await member.client.agents.create({ tags: ['measured'] })
    return { ...member, id, say: (input: string) => member.client.agents.messages.create(id, { input }) }
  }

  describe('runs', () => {
    it('are one for every request, listed by filters and paged by the SDK’s own paging', async () => {
      const { client, id, say } = await agent()
      const { id: conversation_id } = await client.conversations.create({ agent_id: id })
      for (const word of ['one', 'two', 'three']) await say(`/say ${word}`)
      await everyItem(await client.conversations.messages.create(conversation_id, { input: '/say four', background: true }))
      const asc = (await client.runs.list({ order: 'asc' })).items
      expect(asc).toHaveLength(4)
      expect(asc.map((run) => run.conversation_id)).toEqual([null, null, null, conversation_id])
      expect(asc[0]).toMatchObject({
        agent_id: id,
        status: 'completed',
        stop_reason: 'end_turn',
        background: false,
        metadata: { run_type: 'send_message' },
        callback_url: null,
        callback_sent_at: null,
        callback_status_code: null,
        callback_error: null,
        total_duration_ns: expect.any(Number),
        ttft_ns: expect.any(Number),
        completed_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/),
      })
      expect(await client.runs.retrieve(asc[0]?.id ?? '')).toEqual(asc[0])
      expect(await everyItem(client.runs.list({ limit: 1 }))).toEqual(asc.toReversed())
      expect(await everyItem(client.runs.list({ limit: 3, order: 'asc' }))).toEqual(asc)
      expect((await client.runs.list({ limit: 2, before: asc[0]?.id ?? '' })).items).toEqual([asc[2], asc[1]])
      for (const [query, expected] of [
        [{ conversation_id }, [asc[3]?.id]],
        [{ background: true }, [asc[3]?.id]],
        [{ statuses: ['failed', 'cancelled'] }, []],
        [{ stop_reason: 'max_steps' }, []],
        [{ active: true }, []],
        [{ agent_ids: [id], ascending: true, limit: 1 }, [asc[0]?.id]],
      ] as const) {
        expect(ids((await client.runs.list(query as object)).items), JSON.stringify(query)).toEqual(expected)
      }
      await failureOf(client.runs.list({ limit: 0 }), UnprocessableEntityError)
      await failureOf(client.runs.list({ limit: 1001 }), UnprocessableEntityError)
    })

    it('tell their messages, steps and tokens', async () => {
      const { client, id, say } = await agent()
      const answer = await say(turn)
      const [run] = (await client.runs.list({ agent_id: id })).items
      const run_id = run?.id ?? ''
      const messages = (await client.runs.messages.list(run_id)).items
      expect(types(messages)).toEqual(['user_message', 'tool_call_message', 'tool_return_message', 'assistant_message'])
      expect(await everyItem(client.runs.messages.list(run_id, { limit: 1 }))).toEqual(messages)
      const usage = await client.runs.usage.retrieve(run_id)
      const { prompt_tokens, completion_tokens, total_tokens } = answer.usage
      expect(usage).toMatchObject({ prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: null })
      const steps = (await client.runs.steps.list(run_id, { order: 'asc' })).items
      expect(steps.map(({ stop_reason }) => stop_reason)).toEqual([null, 'end_turn'])
      expect(steps.reduce((sum, step) => sum + (step.total_tokens ?? 0), 0)).toBe(total_tokens)
      expect(await everyItem(client.runs.steps.list(run_id, { limit: 1 }))).toEqual(steps.toReversed())
      await failureOf(client.runs.usage.retrieve(run_id.replace(/.{8}$/, '00000000')), NotFoundError)
    })
  })

  describe('steps', () => {
    it('are listed by filters, read with messages and metrics, and judged', async () => {
      const { client, id, say } = await agent()
      await say(turn)
      const steps = (await client.steps.list({ order: 'asc' })).items
      expect(steps).toHaveLength(2)
      expect(await everyItem(client.steps.list({ limit: 1 }))).toEqual(steps.toReversed())
      const [step] = steps
      const step_id = step?.id ?? ''
      expect(step).toMatchObject({
        id: expect.stringMatching(/^step-/),
        agent_id: id,
        run_id: expect.stringMatching(/^run-/),
        provider_name: 'loci',
        model: 'scripted',
        model_handle: 'loci/scripted',
        status: 'success',
        messages: [],
        feedback: null,
        error_type: null,
        tags: ['measured'],
      })
      expect(await client.steps.retrieve(step_id)).toEqual(step)
      const messages = (await client.steps.messages.list(step_id)).items
      expect(types(messages)).toEqual(['tool_call_message', 'tool_return_message'])
      const metrics = await client.steps.metrics.retrieve(step_id)
      expect(metrics).toMatchObject({ id: step_id, run_id: step?.run_id, agent_id: id, llm_request_ns: expect.any(Number) })
      expect(metrics.step_ns).toBeGreaterThanOrEqual(metrics.llm_request_ns ?? 0)
      expect(await client.steps.feedback.create(step_id, { feedback: 'positive', tags: ['good'] })).toMatchObject({
        feedback: 'positive',
        tags: ['good'],
      })
      for (const [query, count] of [
        [{ agent_id: id }, 2],
        [{ feedback: 'positive' }, 1],
        [{ feedback: 'negative' }, 0],
        [{ has_feedback: false }, 1],
        [{ tags: ['measured'] }, 1],
        [{ model: 'scripted' }, 2],
        [{ model: 'gpt-4o' }, 0],
        [{ start_date: '2020-01-01', end_date: '2020-12-31' }, 0],
        [{ start_date: '2020-01-01' }, 2],
      ] as const) {
        expect((await client.steps.list(query as object)).items, JSON.stringify(query)).toHaveLength(count)
      }
      expect(await client.steps.feedback.create(step_id, { feedback: null })).toMatchObject({ feedback: null })
    })
  })

  describe('messages', () => {
    it('are read across agents, one by its id, and found by their words', async () => {
      const { client, id, say } = await agent()
      await say('/say The teapot is blue.')
      const { id: other } = await client.agents.create({})
      await client.agents.messages.create(other, { input: '/say The kettle is red.' })
      const all = await client.messages.list({ order: 'asc' })
      expect(types(all).filter((type) => type === 'assistant_message')).toHaveLength(2)
      expect(await client.messages.list()).toEqual(all.toReversed())
      expect(await client.messages.list({ order: 'asc', limit: 1, after: all[0]?.id ?? '' })).toEqual(all.slice(1, 2))
      const said = all.find((message) => message.message_type === 'assistant_message')
      const retrieved = await client.messages.retrieve(said?.id ?? '')
      expect(retrieved).toEqual([said])
      const hits = await client.messages.search({ query: 'teapot', search_mode: 'fts' })
      expect(hits[0]).toMatchObject({ agent_id: id, created_at: expect.any(String), content: expect.stringContaining('teapot') })
      expect(await client.messages.search({ query: 'teapot', agent_id: other })).toEqual([])
      expect(await client.messages.search({ query: 'is', limit: 1 })).toHaveLength(1)
      await failureOf(client.messages.search({ query: 'x', limit: 101 }), UnprocessableEntityError)
      await failureOf(client.messages.retrieve('message-00000000-0000-4000-8000-00000000dead'), NotFoundError)
    })
  })

  describe('models and health', () => {
    it('tell what can be used here', async () => {
      const { client } = await api.member()
      const models = await client.models.list()
      const scripted = models.find(({ handle }) => handle === 'loci/scripted')
      expect(scripted).toMatchObject({
        name: 'scripted',
        model_type: 'llm',
        provider_name: 'loci',
        provider_category: 'base',
        max_context_window: 128_000,
      })
      expect(await client.models.list({ provider_name: 'loci', provider_category: ['base', 'byok'] })).toEqual([scripted])
      expect(await client.models.list({ provider_category: ['byok'] })).toEqual([])
      for (const { model_type, embedding_dim } of await client.models.embeddings.list()) {
        expect({ model_type, embedding_dim }).toEqual({ model_type: 'embedding', embedding_dim: expect.any(Number) })
      }
      expect(await client.health()).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/), status: 'ok' })
    })
  })
}
