import { setTimeout as delay } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addCuts, type Cut, cutIn, killIn, killWhen } from '../support/cuts'
import { type ReceiverServer, startReceiver } from '../support/receiver-server'
import { allPages, bodyOf, type Call, client, persistentClient, until } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'
import { readFrames } from '../support/sse'
import { inD1, inObjects } from '../support/state'

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const agentCount = 5
const runsMin = 40
const killsMin = 8
const killsMax = 16

let server: RunningServer
let receiver: ReceiverServer
let call: Call

beforeAll(async () => {
  receiver = await startReceiver()
  server = await startServer({ env: { WEBHOOK_SECRET: secret } })
  call = persistentClient(server)
})
afterAll(async () => {
  await server.stop()
  await receiver.close()
})

const user = (content: string) => ({ messages: [{ role: 'user', content }] })

/** The one delivery of a run, delivered; what the receiver got of it is signed, says how the run ended, and has one id. */
async function expectDelivered(run: { id: string; status: string; completed_at: string }): Promise<{ again: number }> {
  const deliveries = bodyOf(await call('GET', `/v1/runs/${run.id}/deliveries`))
  expect(deliveries.map((delivery: { status: string }) => delivery.status)).toEqual(['delivered'])
  const [{ id }] = deliveries
  const got = receiver.received.filter(({ body }) => JSON.parse(body).run_id === run.id)
  expect(new Set(got.map((request) => request.id))).toEqual(new Set([id]))
  for (const { body, headers } of got) {
    const told = new Webhook(secret).verify(body, headers as Record<string, string>)
    expect(told).toMatchObject({ type: `run.${run.status}`, run_id: run.id, status: run.status, completed_at: run.completed_at })
  }
  expect(bodyOf(await call('GET', `/v1/runs/${run.id}`))).toMatchObject({ callback_status_code: 200, callback_error: null })
  // It may come a second time only when a kill kept the answer from the sender, who says so.
  const attempts = bodyOf(await call('GET', `/v1/deliveries/${id}/attempts`))
  expect(attempts.at(-1)).toMatchObject({ status_code: 200, error: null })
  const cut = attempts.filter(({ error }: { error: string | null }) => error?.startsWith('interrupted: '))
  expect(cut).toHaveLength(attempts.length - 1)
  expect(got.length).toBeGreaterThan(0)
  expect(got.length).toBeLessThanOrEqual(attempts.length)
  return { again: got.length - 1 }
}

/** Every object owes nothing, its messages are those of D1, and the order of D1 has no gap. */
function expectSettled(state: string): number {
  const agents = inObjects(state, 'AgentObject', (query) => ({
    id: query('select agent_id from identity')[0]?.agent_id as string,
    messages: query('select seq, id from messages order by seq'),
    open: query("select id from runs where status in ('created', 'running')"),
    outbox: query('select id from outbox union all select id from outbox_refused'),
    due: query("select ref from schedule where kind = 'run'"),
  }))
  inD1(state, (query) => {
    for (const { id, messages, ...owed } of agents) {
      expect(owed).toEqual({ open: [], outbox: [], due: [] })
      expect(query('select sequence_id as seq, id from messages where agent_id = ? order by sequence_id', id)).toEqual(messages)
      expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, i) => i + 1))
    }
  })
  return agents.reduce((sum, { messages }) => sum + messages.length, 0)
}

/** The log of a run, read again: numbered without a gap, and closed. */
async function expectWholeLog(run_id: string): Promise<void> {
  const response = await fetch(`${server.url}/v1/runs/${run_id}/stream`, { method: 'POST' })
  if (!response.body) throw new Error('no stream')
  const { frames, done } = await readFrames(response.body)
  expect(frames.map(({ data }) => data.seq_id)).toEqual(frames.map((_, i) => i + 1))
  expect([done, frames.at(-2)?.data.message_type, frames.at(-1)?.data.message_type]).toEqual([true, 'stop_reason', 'usage_statistics'])
}

describe('a server that is killed', () => {
  it('takes up the runs that it was in the middle of by itself, with no request', async () => {
    const callback_url = `${receiver.url}/alone`
    const fresh = async () => bodyOf(await call('POST', '/v1/agents', { name: 'alone', include_base_tools: false })).id as string
    const [agent, silent] = [await fresh(), await fresh()]
    const conversation = bodyOf(await call('POST', `/v1/conversations?agent_id=${agent}`, {})).id
    const script = (text: string) => `/wait 1500ms\n/say ${text}`
    const once = client(server)
    const send = (path: string, content: string, mode = {}) => once('POST', path, { ...user(content), ...mode, callback_url })
    const cut = [
      send(`/v1/agents/${agent}/messages`, script('waited for')),
      send(`/v1/conversations/${conversation}/messages`, script('streamed'), { stream_tokens: true }),
      send(`/v1/agents/${silent}/messages`, script('waited for')),
    ].map((answer) => answer.catch(() => 'cut'))
    await until('three turns', async () => bodyOf(await call('GET', '/v1/runs?statuses=running')).length === 3)
    bodyOf(await send(`/v1/agents/${agent}/messages/async`, 'queued'))
    await server.kill9()
    expect(cutIn(server.state)).toMatchObject({ models: 3, tools: 0 })
    await server.restart()
    const restarted = performance.now()
    expect(await Promise.all(cut)).toEqual(['cut', 'cut', 'cut'])
    // The webhooks tell that the runs have ended: nothing is asked of the server until then.
    const ended = () => new Set(receiver.at('/alone').map(({ body }) => JSON.parse(body).run_id))
    await until('four webhooks', () => ended().size === 4, 40_000)
    const seconds = (performance.now() - restarted) / 1000
    const runs = await allPages(call, '/v1/runs?order=asc')
    expect(runs.map((run) => [run.status, run.stop_reason])).toEqual(runs.map(() => ['completed', 'end_turn']))
    expect(new Set(runs.map((run) => run.id))).toEqual(ended())
    const said = async (path: string) => (await allPages(call, path)).slice(1).map((message) => message.content)
    expect(await said(`/v1/agents/${agent}/messages?conversation_id=default&order=asc`)).toEqual([
      script('waited for'),
      'waited for',
      'queued',
      expect.stringMatching(/^You said: "queued"/),
    ])
    expect(await said(`/v1/conversations/${conversation}/messages?order=asc`)).toEqual([script('streamed'), 'streamed'])
    expect(await said(`/v1/agents/${silent}/messages?order=asc`)).toEqual([script('waited for'), 'waited for'])
    for (const run of runs) {
      const steps = bodyOf(await call('GET', `/v1/runs/${run.id}/steps`))
      expect(steps.map((step: { status: string }) => step.status)).toEqual(['success'])
      await expectWholeLog(run.id)
      await until('the delivery', async () => bodyOf(await call('GET', `/v1/runs/${run.id}`)).callback_status_code)
      await expectDelivered(run)
    }
    console.log(`crash: 4 runs, 1 kill, taken up without a request and ended ${seconds.toFixed(1)} s after the restart`)
  })

  it('goes on with a row of tool calls where each kill cut it, as long as it gets anywhere', async () => {
    const calls = 300
    const kills = 9
    const memory_blocks = [{ label: 'own', value: 'start', limit: 100_000 }]
    const agent = { name: 'busy', memory_blocks, tools: ['core_memory_append'], include_base_tools: false }
    const { id } = bodyOf(await call('POST', '/v1/agents', agent))
    const lines = Array.from({ length: calls }, (_, n) => `line ${n}`)
    const script = lines.map((content) => `/call core_memory_append ${JSON.stringify({ label: 'own', content })}`).join('\n')
    const run_id = bodyOf(await call('POST', `/v1/agents/${id}/messages/async`, user(script))).id
    const done = () =>
      inObjects(server.state, 'AgentObject', (query) => Number(query("select count(*) as n from calls where state = 'done'")[0]?.n)).reduce(
        (a, b) => a + b,
        0,
      )
    const after: number[] = []
    while (after.length < kills) {
      await killWhen(server, () => done() > (after.at(-1) ?? 0))
      after.push(done())
      await server.restart()
    }
    expect(after.at(-1)).toBeLessThan(calls)
    const run = await until('the end of the run', async () => {
      const seen = bodyOf(await call('GET', `/v1/runs/${run_id}`))
      return seen.completed_at && seen
    })
    expect([run.status, run.stop_reason]).toEqual(['completed', 'end_turn'])
    const told = bodyOf(await call('GET', `/v1/runs/${run_id}/messages?order=asc`))
    expect(told.map((message: { message_type: string }) => message.message_type)).toEqual([
      'user_message',
      'tool_call_message',
      'tool_return_message',
      'assistant_message',
    ])
    const returned = told[2].tool_returns.map((each: Record<string, string>) => [each.tool_call_id, each.status])
    expect(returned).toEqual(told[1].tool_calls.map((each: Record<string, string>) => [each.tool_call_id, 'success']))
    expect(bodyOf(await call('GET', `/v1/agents/${id}/core-memory/blocks/own`))).toMatchObject({
      value: ['start', ...lines].join('\n'),
      version: calls + 1,
    })
    console.log(`crash: 1 run of ${calls} tool calls, ${kills} kills, after ${after.join(', ')} results`)
  })

  it('sends what an ended run still owed to D1 and to its receiver, with no request', async () => {
    const callback_url = `${receiver.url}/owed`
    const make = async () => bodyOf(await call('POST', '/v1/agents', { name: 'owing', include_base_tools: false })).id as string
    const agents = await Promise.all(Array.from({ length: 60 }, make))
    const once = client(server)
    let isKilled = false
    // Each agent is asked once, so that nothing but its own alarm can make good what the kill cut.
    const feed = async (): Promise<void> => {
      for (let id = agents.pop(); id && !isKilled; id = agents.pop()) {
        await once('POST', `/v1/agents/${id}/messages`, { ...user('hello'), callback_url }).catch(() => undefined)
      }
    }
    const [cut] = await Promise.all([
      killIn(server, 'owed').finally(() => {
        isKilled = true
      }),
      feed(),
      feed(),
    ])
    expect(cut.owed).toBeGreaterThan(0)
    const accepted = inObjects(server.state, 'AgentObject', (query) =>
      query('select id from runs where request like ?', `%${callback_url}%`),
    ).flat()
    await server.restart()
    const told = () => new Set(receiver.at('/owed').map(({ body }) => JSON.parse(body).run_id))
    await until('all webhooks', () => told().size === accepted.length, 40_000)
    for (const { id } of accepted) {
      const run = await until('the delivery', async () => {
        const seen = bodyOf(await call('GET', `/v1/runs/${id}`))
        return seen.callback_status_code && seen
      })
      expect(run).toMatchObject({ status: 'completed', stop_reason: 'end_turn' })
      const messages = bodyOf(await call('GET', `/v1/runs/${id}/messages`))
      expect(messages.map((message: { message_type: string }) => message.message_type)).toEqual(['user_message', 'assistant_message'])
      await expectDelivered(run)
    }
    console.log(`crash: ${accepted.length} runs, 1 kill that cut ${cut.owed} of them between end and webhook, all told without a request`)
  })

  it('ends every run, doubles nothing and calls back once, wherever the kill fell', async () => {
    const { id: shared } = bodyOf(await call('POST', '/v1/blocks', { label: 'shared', value: 'start', limit: 100_000 }))
    const agents = await Promise.all(
      Array.from({ length: agentCount }, async (_, n) => {
        const memory_blocks = [{ label: 'own', value: 'start', limit: 100_000 }]
        const tools = ['core_memory_append', 'conversation_search']
        const agent = { name: `agent ${n}`, memory_blocks, block_ids: [shared], tools, include_base_tools: false }
        const { id } = bodyOf(await call('POST', '/v1/agents', agent))
        return { id, conversation: bodyOf(await call('POST', `/v1/conversations?agent_id=${id}`, {})).id as string }
      }),
    )

    const append = (label: string, content: string) => `/call core_memory_append ${JSON.stringify({ label, content })}`
    const scriptOf = (name: string) =>
      [
        append('shared', `${name} a`),
        append('own', `${name} b`),
        '/then',
        '/wait 30ms',
        append('shared', `${name} c`),
        '/call conversation_search {"query":"agent"}',
        '/wait 60ms',
        `/say ${name} is over`,
      ].join('\n')

    const cuts: Cut[] = []
    const covered = () => Object.values(addCuts(cuts)).every((n) => n > 0)
    const submitted = new Map<string, { name: string; agent: string; key: string; path: string }>()
    const isEnough = () => submitted.size >= runsMin && cuts.length >= killsMin && (covered() || cuts.length >= killsMax)
    let answered = 0

    /** Sends one message after the other to one context, in every mode in turn, and waits for each run to end. */
    const feed = async (agent: string, context: string | null, feeder: number): Promise<void> => {
      const base = context === null ? `/v1/agents/${agent}/messages` : `/v1/conversations/${context}/messages`
      for (let n = 0; !isEnough(); n++) {
        const name = `feeder ${feeder} run ${n}`
        const key = `key-${feeder}-${n}`
        const request = { ...user(scriptOf(name)), streaming: false, callback_url: `${receiver.url}/hook/${feeder % 3}` }
        const background = context === null && n % 2 === 1
        const path = background ? `${base}/async` : base
        const answer = bodyOf(await call('POST', path, request, { 'idempotency-key': key }))
        const id = background ? answer.id : answer.messages[0].run_id
        expect(submitted.has(id)).toBe(false)
        submitted.set(id, { name, agent, key, path })
        if (background) await until('the end of a run', async () => bodyOf(await call('GET', `/v1/runs/${id}`)).completed_at, 60_000)
        answered++
      }
    }

    const versionOf = async (): Promise<number> => bodyOf(await call('GET', `/v1/blocks/${shared}`)).version

    /** Kills in the middle of everything that was not cut yet, then at random instants, each time when the agents are at work again. */
    const kill = async (): Promise<void> => {
      while (!isEnough()) {
        const version = await versionOf()
        await until('three edits', async () => (await versionOf()) >= version + 3 || isEnough())
        await delay(Math.random() * 500)
        const missing = Object.entries(addCuts(cuts)).find(([, n]) => n === 0)?.[0]
        if (missing) cuts.push(await killIn(server, missing as keyof Cut))
        else {
          await server.kill9()
          cuts.push(cutIn(server.state))
        }
        await server.restart()
      }
    }

    const started = performance.now()
    await Promise.all([kill(), ...agents.flatMap(({ id, conversation }, n) => [feed(id, null, 2 * n), feed(id, conversation, 2 * n + 1)])])
    const names = [...submitted.values()].map(({ name }) => name)
    const runs = (await Promise.all(agents.map(({ id }) => allPages(call, `/v1/runs?agent_id=${id}`)))).flat()
    expect(runs.map((run) => run.id).toSorted()).toEqual([...submitted.keys()].toSorted())
    expect(runs.map((run) => [run.status, run.stop_reason])).toEqual(runs.map(() => ['completed', 'end_turn']))

    for (const { id: run_id } of runs) {
      const name = submitted.get(run_id)?.name
      const told = bodyOf(await call('GET', `/v1/runs/${run_id}/messages?order=asc`))
      const types = told.map((message: { message_type: string }) => message.message_type)
      const twice = ['tool_call_message', 'tool_return_message', 'tool_call_message', 'tool_return_message']
      expect(types).toEqual(['user_message', ...twice, 'assistant_message'])
      expect([told[0].content, told[5].content]).toEqual([scriptOf(name ?? ''), `${name} is over`])
      const called = [1, 3].flatMap((i) => told[i].tool_calls.map((each: { tool_call_id: string }) => each.tool_call_id))
      const returned = [2, 4].flatMap((i) => told[i].tool_returns)
      expect(returned.map((each) => each.tool_call_id)).toEqual(called)
      expect(returned.map((each) => each.status)).toEqual(called.map(() => 'success'))
      expect(new Set(called).size).toBe(4)
      const steps = bodyOf(await call('GET', `/v1/runs/${run_id}/steps`))
      expect(steps.map((step: { status: string }) => step.status)).toEqual(['success', 'success', 'success'])
      await expectWholeLog(run_id)
    }

    for (const { id, conversation } of agents) {
      const own = [...submitted.values()].filter((run) => run.agent === id).map((run) => run.name)
      const value = bodyOf(await call('GET', `/v1/agents/${id}/core-memory/blocks/own`)).value
      expect(value.split('\n').slice(1).toSorted()).toEqual(own.map((name) => `${name} b`).toSorted())
      for (const path of [`/v1/agents/${id}/messages?conversation_id=default`, `/v1/conversations/${conversation}/messages?`]) {
        const told = (await allPages(call, `${path}&order=asc`)).slice(1)
        const order = told.map((message) => message.run_id).filter((run, i, all) => run !== all[i - 1])
        expect(order).toHaveLength(new Set(order).size)
        expect(new Set(told.map((message) => message.id)).size).toBe(new Set(told.map((m) => m.run_id)).size * 6)
      }
    }
    const block = bodyOf(await call('GET', `/v1/blocks/${shared}`))
    const lines = names.flatMap((name) => [`${name} a`, `${name} c`])
    expect(block.value.split('\n').slice(1).toSorted()).toEqual(lines.toSorted())
    const versions = await allPages(call, `/v1/blocks/${shared}/versions?order=asc`)
    expect(versions.map(({ version }) => version)).toEqual(Array.from({ length: lines.length + 1 }, (_, i) => i + 1))
    expect(block.version).toBe(versions.length)

    await until('all webhooks', async () => bodyOf(await call('GET', '/v1/deliveries?status=pending')).length === 0, 60_000)
    let again = 0
    for (const run of runs) again += (await expectDelivered(run)).again

    const [run_id, first] = [...submitted].at(-1) ?? []
    const repeated = await call('POST', first?.path ?? '', user('something else'), { 'idempotency-key': first?.key ?? '' })
    expect(JSON.stringify(repeated.body)).toContain(run_id)

    await delay(500)
    await server.kill9()
    const messages = expectSettled(server.state)
    await server.restart()
    const cut = addCuts(cuts)
    console.log(
      `crash: ${runs.length} runs of ${agentCount} agents, ${messages} messages, ${cuts.length} kills in ${((performance.now() - started) / 1000).toFixed(0)} s, ` +
        `which cut ${cut.models} model calls, ${cut.tools} tool calls (${cut.applied} applied), ${cut.unprojected} + ${cut.unconfirmed} messages on their ` +
        `way to D1, ${cut.owed} + ${cut.sending} webhooks; ${again} webhooks came twice with one id`,
    )
    expect([answered, covered()]).toEqual([runs.length, true])
  })
})
