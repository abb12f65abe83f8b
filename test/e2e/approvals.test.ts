import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bodyOf, type Call, client, until } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'
import { inObjects } from '../support/state'

let server: RunningServer
let call: Call

beforeAll(async () => {
  server = await startServer()
  call = client(server)
})
afterAll(() => server.stop())

const append = '/call memory_insert {"label":"human","new_string":"tea"}'
const tool = { name: 'read_file', description: 'Reads a file.', parameters: { type: 'object', properties: {} } }

/** Kills the server with all its processes at once, and starts it again on what it left. */
const killAndRestart = async () => {
  await server.kill9()
  await server.restart()
}

/** How far the calls that waited are, of all agents, as the killed server left them. */
const statesIn = () =>
  inObjects(server.state, 'AgentObject', (query) => query('select state from approvals').map(({ state }) => state)).flat()

async function waiting(script: string) {
  const agent = bodyOf(
    await call('POST', '/v1/agents', {
      memory_blocks: [{ label: 'human', value: 'Ada' }],
      tool_rules: [{ type: 'requires_approval', tool_name: 'memory_insert' }],
    }),
  )
  const path = `/v1/agents/${agent.id}`
  const asked = bodyOf(await call('POST', `${path}/messages`, { input: script, client_tools: [tool] }))
  expect(asked.stop_reason.stop_reason).toBe('requires_approval')
  const ids: string[] = asked.messages.at(-1).tool_calls.map((each: { tool_call_id: string }) => each.tool_call_id)
  const pending = async () => bodyOf(await call('GET', `${path}?include=agent.pending_approval`)).pending_approval
  const value = async () => bodyOf(await call('GET', `${path}/core-memory/blocks/human`)).value
  return { path, ids, pending, value, request: asked.messages.at(-1) }
}

/** Every call of the agent has exactly one result, in the history. */
async function expectPaired(path: string) {
  const messages = bodyOf(await call('GET', `${path}/messages?order=asc&limit=1000`))
  const ids = (list: { tool_call_id: string }[] | undefined) => (list ?? []).map((each) => each.tool_call_id)
  const calls = messages.flatMap((m: { tool_calls?: { tool_call_id: string }[] }) => ids(m.tool_calls))
  const returns = messages.flatMap((m: { tool_returns?: { tool_call_id: string }[] }) => ids(m.tool_returns))
  expect(returns.toSorted()).toEqual(calls.toSorted())
}

describe('after kill -9', () => {
  it('calls that wait go on waiting, and are carried out once when they are approved', async () => {
    const { path, ids, pending, value, request } = await waiting(`${append}\n/call read_file {}\n/then\n/say Done.`)
    await killAndRestart()
    expect(await pending()).toEqual(request)
    expect(await call('POST', `${path}/messages`, { input: 'Hello?' })).toMatchObject({ status: 409, body: { code: 'PENDING_APPROVAL' } })
    const approvals = [
      { type: 'approval', tool_call_id: ids[0], approve: true },
      { type: 'tool', tool_call_id: ids[1], tool_return: 'text', status: 'success' },
    ]
    const run = bodyOf(await call('POST', `${path}/messages/async`, { messages: [{ type: 'approval', approvals }] }))
    await killAndRestart()
    const ended = await until('the end of the run', async () => {
      const now = bodyOf(await call('GET', `/v1/runs/${run.id}`))
      return now.completed_at && now
    })
    expect(ended).toMatchObject({ status: 'completed', stop_reason: 'end_turn' })
    expect([await value(), await pending()]).toEqual(['Ada\ntea', null])
    await expectPaired(path)
  })

  it('an answer that was cut in the middle of its run can be cancelled, and leaves nothing open', async () => {
    const { path, ids, pending } = await waiting(`${append}\n/then\n/wait 60s\n/say Never.`)
    const approvals = [{ type: 'approval', tool_call_id: ids[0], approve: true }]
    const run = bodyOf(await call('POST', `${path}/messages/async`, { messages: [{ type: 'approval', approvals }] }))
    await killAndRestart()
    expect(bodyOf(await call('POST', `${path}/messages/cancel`, { run_ids: [run.id] }))).toEqual({ [run.id]: 'cancelled' })
    expect(await pending()).toBeNull()
    await expectPaired(path)
    expect(bodyOf(await call('POST', `${path}/messages`, { input: '/say On.' })).messages).toMatchObject([{ content: 'On.' }])
    await server.kill9()
    expect(new Set(statesIn())).toEqual(new Set(['settled']))
    await server.restart()
  })
})
