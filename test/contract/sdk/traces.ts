import { NotFoundError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, failureOf } from '../api'

export function traces(api: Api): void {
  const agent = async () => {
    const member = await api.member()
    const { id } = await member.client.agents.create({ tags: ['traced'] })
    return { ...member, id, say: (input: string) => member.client.agents.messages.create(id, { input }) }
  }

  describe('traces', () => {
    it('of a run are spans; of a step, what its model was sent and answered', async () => {
      const { client, id, say } = await agent()
      await say('/call conversation_search {"query":"tea"}\n/then\n/say Found.')
      const [run] = (await client.runs.list()).items
      const spans = await client.runs.trace.retrieve(run?.id ?? '')
      expect(spans.map(({ name }) => name)).toEqual([
        `invoke_agent ${id}`,
        ...['agent_step', 'chat scripted', 'execute_tools'],
        ...['agent_step', 'chat scripted'],
      ])
      expect(await client.runs.trace.retrieve(run?.id ?? '', { limit: 1 })).toEqual(spans.slice(0, 1))
      const [step] = (await client.steps.list({ order: 'asc' })).items
      const trace = await client.steps.trace.retrieve(step?.id ?? '')
      expect(trace).toMatchObject({
        step_id: step?.id,
        run_id: run?.id,
        agent_id: id,
        agent_tags: ['traced'],
        request_json: { model: 'loci/scripted', tools: expect.any(Array) },
        response_json: { tool_calls: [{ name: 'conversation_search' }] },
      })
      await failureOf(client.runs.trace.retrieve('run-00000000-0000-4000-8000-00000000dead'), NotFoundError)
      await failureOf(client.steps.trace.retrieve('step-00000000-0000-4000-8000-00000000dead'), NotFoundError)
    })
  })

  describe('an agent’s model', () => {
    it('is asked without a turn, and shown what a turn would send', async () => {
      const { client, id, say } = await agent()
      await say('/say before')
      const generated = await client.post(`/v1/agents/${id}/generate`, { body: { prompt: '/say A title' } })
      expect(generated).toMatchObject({ content: 'A title', model: 'loci/scripted', usage: { step_count: 1 } })
      const payload = (await client.post(`/v1/agents/${id}/messages/preview-raw-payload`, { body: { input: 'after' } })) as {
        messages: unknown[]
      }
      expect(payload.messages).toHaveLength(3)
      expect((await client.agents.messages.list(id)).items).toHaveLength(3)
    })
  })
}
