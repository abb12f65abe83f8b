import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allPages, bodyOf, type Call, client, persistentClient, until } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'
import { inD1 } from '../support/state'

const writers = 32
const each = 20
const total = writers * each
const conversations = 4

interface Told {
  message_type: string
  id: string
  run_id: string
  content: string
}

interface Agent {
  id: string
  contexts: (string | null)[]
}

/** An agent with three conversations beside its own context, which is `null`. */
async function freshAgent(call: Call): Promise<Agent> {
  const { id } = bodyOf(await call('POST', '/v1/agents', { name: 'order', model: 'loci/scripted', include_base_tools: false }))
  const contexts: (string | null)[] = [null]
  while (contexts.length < conversations) contexts.push(bodyOf(await call('POST', `/v1/conversations?agent_id=${id}`, {})).id)
  return { id, contexts }
}

const textOf = (writer: number, n: number) => `writer ${writer} says ${n}.`
const replyTo = (text: string) => `You said: "${text}"`

/** The request of a message. A third of them is known by its otid, a third by the request's key, a third by both. */
function requestOf(agent: Agent, writer: number, n: number) {
  const context = agent.contexts[writer % conversations] ?? null
  const otid = n % 3 === 0 ? {} : { otid: `otid-${writer}-${n}` }
  const headers: Record<string, string> = n % 3 === 1 ? {} : { 'idempotency-key': `key-${writer}-${n}` }
  return {
    path: context === null ? `/v1/agents/${agent.id}/messages` : `/v1/conversations/${context}/messages`,
    body: { messages: [{ role: 'user', content: textOf(writer, n), ...otid }], streaming: false },
    headers,
  }
}

/** Half of the writers to the agent's own context do not wait for replies: a message counts when it was accepted. */
const isHasty = (writer: number) => writer % (2 * conversations) === 0

/**
 * One writer: each message is sent when the one before was acknowledged. Resolves with the number of requests it took.
 * `acknowledged` is told the run of each message.
 */
async function write(call: Call, agent: Agent, writer: number, acknowledged: (run: string) => void): Promise<number> {
  let sent = 0
  for (let n = 0; n < each; n++) {
    const { path, body, headers } = requestOf(agent, writer, n)
    const answer = await call('POST', isHasty(writer) ? `${path}/async` : path, body, headers)
    const result = bodyOf(answer)
    sent += answer.tries
    if (isHasty(writer)) {
      acknowledged(result.id)
      continue
    }
    const reply = replyTo(textOf(writer, n))
    const { messages, stop_reason, error } = result
    expect({ said: messages.map((m: Told) => m.content.slice(0, reply.length)), stop: stop_reason.stop_reason, error }).toEqual({
      said: [reply],
      stop: 'end_turn',
      error: undefined,
    })
    acknowledged(messages[0].run_id)
  }
  return sent
}

/** A message that is sent again long after its run ended is answered by that run, in whatever way it is sent. */
async function expectKnown(call: Call, agent: Agent, writer: number, n: number, run: string): Promise<void> {
  const { path, body, headers } = requestOf(agent, writer, n)
  const blocking = bodyOf(await call('POST', path, body, headers))
  expect(blocking.messages.map((m: Told) => m.run_id)).toEqual([run])
  const streamed = bodyOf(await call<string>('POST', path, { ...body, streaming: true }, headers))
  expect(new Set([...streamed.matchAll(/"run_id":"([^"]+)"/g)].map(([, id]) => id))).toEqual(new Set([run]))
  if (agent.contexts[writer % conversations] === null) expect(bodyOf(await call('POST', `${path}/async`, body, headers)).id).toBe(run)
}

/** Every message once, each with its own reply right behind it, and every writer's in the order in which it sent them. */
function expectDialogues(told: Told[], from: number[]): void {
  const spoken = told.filter((message) => message.message_type !== 'system_message')
  const questions = spoken.filter((message) => message.message_type === 'user_message')
  expect(questions.map((message) => message.content).sort()).toEqual(
    from.flatMap((writer) => Array.from({ length: each }, (_, n) => textOf(writer, n))).sort(),
  )
  expect(spoken).toHaveLength(questions.length * 2)
  for (const [i, question] of questions.entries()) {
    expect(spoken[2 * i]).toBe(question)
    const reply = spoken[2 * i + 1]
    expect([reply?.message_type, reply?.run_id, reply?.content.slice(0, replyTo(question.content).length)]).toEqual([
      'assistant_message',
      question.run_id,
      replyTo(question.content),
    ])
  }
  for (const writer of from) {
    const own = questions.filter((message) => message.content.startsWith(`writer ${writer} `)).map((message) => message.content)
    expect(own).toEqual(Array.from({ length: each }, (_, n) => textOf(writer, n)))
  }
}

const idle = (call: Call, { id }: Agent) =>
  until('the end of all runs', async () => bodyOf(await call('GET', `/v1/runs?agent_id=${id}&active=true`)).length === 0, 60_000)

/** What the API tells of the agent's history, in full, per conversation, and backwards. */
async function expectHistory(call: Call, { id, contexts }: Agent): Promise<string[]> {
  const all = await allPages<Told>(call, `/v1/agents/${id}/messages?order=asc`, 97)
  expect(new Set(all.map((message) => message.id)).size).toBe(all.length)
  expect(all).toHaveLength(conversations + 2 * total)
  const back = await allPages<Told>(call, `/v1/agents/${id}/messages?order=desc`, 500)
  expect(back.map((message) => message.id).reverse()).toEqual(all.map((message) => message.id))
  const apart: string[] = []
  for (const [i, context] of contexts.entries()) {
    const path =
      context === null ? `/v1/agents/${id}/messages?conversation_id=default&order=asc` : `/v1/conversations/${context}/messages?order=asc`
    const told = await allPages<Told>(call, path, 61)
    const from = Array.from({ length: writers }, (_, writer) => writer).filter((writer) => writer % conversations === i)
    expectDialogues(told, from)
    apart.push(...told.map((message) => message.id))
  }
  expect(apart.sort()).toEqual(all.map((message) => message.id).sort())
  const runs = await allPages(call, `/v1/runs?agent_id=${id}&order=asc`, 100)
  expect(runs.map((run) => [run.status, run.stop_reason])).toEqual(runs.map(() => ['completed', 'end_turn']))
  expect(new Set(all.flatMap((message) => message.run_id ?? []))).toEqual(new Set(runs.map((run) => run.id)))
  expect(runs).toHaveLength(total)
  return all.map((message) => message.id)
}

/** The sequence ids in the database itself: 1 to N without a gap, in the order that the API told. */
function expectDense(state: string, agentId: string, told: string[]): void {
  const rows = inD1(state, (query) => query('select id, sequence_id from messages where agent_id = ? order by sequence_id', agentId))
  expect(rows.map((row) => row.sequence_id)).toEqual(rows.map((_, i) => i + 1))
  expect(rows.map((row) => row.id)).toEqual(told)
}

describe('an agent that many write to at once', () => {
  let server: RunningServer

  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  /** The same history in the database itself, which is read while the server does not run. */
  async function expectStored(agent: Agent, told: string[]): Promise<void> {
    await server.kill9()
    try {
      expectDense(server.state, agent.id, told)
    } finally {
      await server.restart()
    }
  }

  it('gives every message one place in one order, and its reply the place behind it', async () => {
    const call = client(server)
    const agent = await freshAgent(call)
    const started = performance.now()
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(call, agent, writer, () => undefined)))
    await idle(call, agent)
    const seconds = (performance.now() - started) / 1000
    await expectStored(agent, await expectHistory(call, agent))
    console.log(
      `order: ${total} messages by ${writers} writers in ${conversations} conversations, ${(total / seconds).toFixed(0)} turns/s, 0 kills`,
    )
  })

  it('does the same when the process is killed five times in the middle and its clients send again', async () => {
    const call = persistentClient(server)
    const agent = await freshAgent(call)
    const kills = 5
    const known: [writer: number, n: number, run: string][] = []
    let killed = 0
    let restarting: Promise<void> = Promise.resolve()
    const writing = Array.from({ length: writers }, (_, writer) => {
      let n = 0
      return write(call, agent, writer, (run) => {
        known.push([writer, n++, run])
        if (killed >= kills || known.length < ((killed + 1) * total) / (kills + 1)) return
        killed++
        restarting = restarting.then(() => server.restart())
      })
    })
    const sent = await Promise.all(writing)
    await restarting
    await idle(call, agent)
    const told = await expectHistory(call, agent)
    const runs = new Set((await allPages(call, `/v1/runs?agent_id=${agent.id}`)).map((run) => run.id))
    expect(new Set(known.map(([, , run]) => run))).toEqual(runs)
    const sample = known.filter((_, i) => i % 40 === 0)
    for (const [writer, n, run] of sample) await expectKnown(call, agent, writer, n, run)
    expect(await expectHistory(call, agent)).toEqual(told)
    await expectStored(agent, told)
    const again = sent.reduce((sum, n) => sum + n, 0) - total
    expect([known.length, killed, again > 0]).toEqual([total, kills, true])
    console.log(
      `order: ${total} messages by ${writers} writers, ${kills} kills, ${again} requests sent again; ${sample.length} sent once more in every mode`,
    )
  })
})
