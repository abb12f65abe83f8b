import { describe, expect, it } from 'vitest'
import { insertRows } from '../../src/db/rows'
import { newId } from '../../src/lib/id'
import { conversations } from '../../src/resources/conversations/table'
import type { RunResult } from '../../src/runtime/rpc'
import { bindings, freshAgent, freshScope, giveTools, send } from '../support/agent'

const call = (args: object) => `/call conversation_search ${JSON.stringify(args)}\n/then\n/say done`
const answerOf = (result: RunResult) => {
  const [answer] = result.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))
  return { status: answer?.status, text: String(answer?.tool_return) }
}
const found = (result: RunResult) => JSON.parse(answerOf(result).text)
const contents = (result: RunResult): string[] => found(result).results.map(({ content }: { content: string }) => content)

/** An agent with two conversations beside its own context. */
async function talker() {
  const scope = await freshScope()
  const agent = await freshAgent(scope)
  await giveTools(scope, agent, ['conversation_search', 'send_message'])
  const [one, two] = [newId('conversation'), newId('conversation')] as const
  const rows = [one, two].map((id) => ({ id, organization_id: scope.organization_id, agent_id: agent }))
  await insertRows(bindings.DB, conversations, rows).run()
  const say = (text: string, conversation_id: string | null) => send(scope, agent, text, { conversation_id })
  await say('the walrus sings\n/say I hear it', null)
  await say('a walrus in one\n/say noted', one)
  await say('no walrus in two\n/say noted', two)
  return { say, one, two }
}

describe('conversation_search', () => {
  it('searches all conversations, or the one in which it is called', async () => {
    const { say, one, two } = await talker()
    const search = (args: object, conversation: string | null) =>
      say(call({ query: 'walrus', roles: ['user'], limit: 3, ...args }), conversation)
    const said = (texts: string[]) =>
      texts
        .filter((text) => !text.startsWith('/call'))
        .map((text) => text.split('\n')[0])
        .sort()
    const all = ['a walrus in one', 'no walrus in two', 'the walrus sings']
    expect(said(contents(await search({ limit: 20 }, one)))).toEqual(all)
    expect(said(contents(await search({ limit: 20, conversation: 'all' }, null)))).toEqual(all)
    expect(said(contents(await search({ conversation: 'current' }, one)))).toEqual(['a walrus in one'])
    expect(said(contents(await search({ conversation: 'current' }, two)))).toEqual(['no walrus in two'])
    // The agent's own context has the messages without a conversation.
    expect(said(contents(await search({ conversation: 'current' }, null)))).toEqual(['the walrus sings'])
    const newest = await say(call({ conversation: 'current', roles: ['assistant'] }), two)
    expect(contents(newest)).toEqual(['done', 'noted'])
  })

  it('tells how each message was found', async () => {
    const { say, one } = await talker()
    const result = found(await say(call({ query: 'noted', conversation: 'current', roles: ['assistant'] }), one))
    expect(result).toEqual({
      message: 'Showing 1 results:',
      results: [
        {
          timestamp: expect.any(String),
          time_ago: expect.stringMatching(/^\d+s ago$/),
          role: 'assistant',
          relevance: { rrf_score: expect.any(Number), fts_rank: 1, vector_rank: null },
          content: 'noted',
        },
      ],
    })
    expect(found(await say(call({ query: 'unheard-of', roles: ['assistant'] }), one))).toEqual({
      message: 'No results found.',
      results: [],
    })
  })

  it('leaves out results of tools unless they are asked for, and always its own', async () => {
    const { say, one } = await talker()
    await say('/call send_message {"message":"hello walrus"}\n/then\n/say done', one)
    await say(call({ query: 'walrus' }), one)
    expect(contents(await say(call({ conversation: 'current', limit: 50 }), one)).join()).not.toContain('Sent message')
    expect(contents(await say(call({ conversation: 'current', roles: ['tool'], limit: 50 }), one))).toEqual(['Sent message successfully.'])
  })

  it('honours dates to the day', async () => {
    const { say, one } = await talker()
    const today = new Date().toISOString().slice(0, 10)
    const within = async (args: object) => contents(await say(call({ query: 'walrus', roles: ['user'], limit: 50, ...args }), one)).length
    expect(await within({ start_date: today, end_date: today })).toBeGreaterThanOrEqual(3)
    expect(await within({ end_date: '2024-01-15' })).toBe(0)
    expect(await within({ start_date: '2999-01-01' })).toBe(0)
  })

  it.each([
    [{ conversation: 'mine' }, '`conversation` must be `all` or `current`'],
    [{ roles: ['system'] }, '`roles` must be a list of user, assistant, tool'],
    [{ limit: 0 }, '`limit` must be an integer from 1 to 100'],
    [{ start_date: 'soon' }, '`start_date` must be an ISO date'],
  ])('refuses %j with a reason', async (args, expected) => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await giveTools(scope, agent, ['conversation_search'])
    expect(answerOf(await send(scope, agent, call(args)))).toEqual({ status: 'error', text: expect.stringContaining(expected) })
  })
})
