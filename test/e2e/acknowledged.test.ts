import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, allPages, bodyOf, type Call, client, until } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'

const rounds = 4

let server: RunningServer
let call: Call
const state = mkdtempSync(path.join(tmpdir(), 'loci-state-'))
beforeAll(async () => {
  server = await startServer({ state })
  call = client(server)
})
afterAll(async () => {
  await server.stop()
  rmSync(state, { recursive: true, force: true })
})

const user = (content: string) => ({ messages: [{ role: 'user', content }] })

/** What was acknowledged before the server died, by kind. */
interface Acknowledged {
  blocks: { id: string; value: string }[]
  edits: { version: number; value: string }[]
  agents: { id: string; name: string }[]
  conversations: { id: string; summary: string }[]
  accepted: { id: string; text: string }[]
  cancelled: { id: string; text: string }[]
}

/** Writes all kinds of things at once until the server dies, and notes in `known` each that is acknowledged. */
async function writeUntilKilled(agent: string, block: string, round: number, known: Acknowledged): Promise<void> {
  const messages = `/v1/agents/${agent}/messages`
  const write = async (step: (name: string) => Promise<void>) => {
    for (let n = 0; ; n++) {
      const dead = await step(`round ${round} ${n}`).then(
        () => null,
        (error: unknown) => error as Error,
      )
      // Anything but a lost connection is a failure of the server.
      if (dead && dead.name !== 'TypeError') throw dead
      if (dead) return
    }
  }
  const post = async (to: string, body: unknown) => bodyOf(await call('POST', to, body))
  await Promise.all([
    write(async (value) => void known.blocks.push(await post('/v1/blocks', { label: 'own', value }))),
    write(async (value) => void known.edits.push(bodyOf(await call('PATCH', `/v1/blocks/${block}`, { value })))),
    write(async (name) => void known.agents.push(await post('/v1/agents', { name, include_base_tools: false }))),
    write(async (summary) => void known.conversations.push(await post(`/v1/conversations?agent_id=${agent}`, { summary }))),
    write(async (text) => void known.accepted.push({ id: (await post(`${messages}/async`, user(text))).id, text })),
    write(async (name) => {
      const text = `/wait 60s\n/say ${name} must not end`
      const { id } = await post('/v1/agents', { name: 'to be cancelled', include_base_tools: false })
      const run = await post(`/v1/agents/${id}/messages/async`, user(text))
      expect(await post(`/v1/agents/${id}/messages/cancel`, {})).toEqual({ [run.id]: 'cancelled' })
      known.cancelled.push({ id: run.id, text })
    }),
  ])
}

async function expectKept(agent: string, block: string, known: Acknowledged): Promise<void> {
  for (const { id, value } of known.blocks) expect(bodyOf(await call('GET', `/v1/blocks/${id}`)).value).toBe(value)
  for (const { id, name } of known.agents) expect(bodyOf(await call('GET', `/v1/agents/${id}`)).name).toBe(name)
  for (const { id, summary } of known.conversations) expect(bodyOf(await call('GET', `/v1/conversations/${id}`)).summary).toBe(summary)
  for (const { version, value } of known.edits)
    expect(bodyOf(await call('GET', `/v1/blocks/${block}/versions/${version}`))).toMatchObject({ value, cause: 'write' })
  const runs = new Map((await allPages(call, `/v1/runs?agent_id=${agent}`)).map((run) => [run.id, run]))
  const told = await allPages(call, `/v1/agents/${agent}/messages?order=asc`)
  for (const { id, text } of known.accepted) {
    expect(runs.get(id)).toMatchObject({ status: 'completed' })
    expect(told.filter((message) => message.content === text).map((message) => message.run_id)).toEqual([id])
  }
  for (const { id, text } of known.cancelled) {
    const run = bodyOf(await call('GET', `/v1/runs/${id}`))
    expect([run.status, run.stop_reason]).toEqual(['cancelled', 'cancelled'])
    const messages = bodyOf(await call('GET', `/v1/runs/${id}/messages`))
    for (const { content } of messages) expect(content).toBe(text)
    expect(bodyOf(await call('POST', `/v1/agents/${run.agent_id}/messages`, user('are you there?'))).stop_reason.stop_reason).toBe(
      'end_turn',
    )
  }
}

describe('what a server has acknowledged', () => {
  it('is there after a kill at any instant', async () => {
    const { id: agent } = bodyOf(await call('POST', '/v1/agents', { name: 'kept', include_base_tools: false }))
    const { id: block } = bodyOf(await call('POST', '/v1/blocks', { label: 'edited', value: 'at first' }))
    const kept: Acknowledged[] = []
    for (let round = 0; round < rounds; round++) {
      const known: Acknowledged = { blocks: [], edits: [], agents: [], conversations: [], accepted: [], cancelled: [] }
      kept.push(known)
      const writing = writeUntilKilled(agent, block, round, known)
      await until('one of each', () => Object.values(known).every((list) => list.length > 0))
      await delay(Math.random() * 400)
      await server.kill9()
      await writing
      await server.restart()
      await until('the end of all runs', async () => bodyOf(await call('GET', `/v1/runs?agent_id=${agent}&active=true`)).length === 0)
      for (const each of kept) await expectKept(agent, block, each)
    }
    const counts = Object.keys(kept[0] ?? {}).map(
      (kind) => [kind, kept.reduce((sum, known) => sum + known[kind as keyof Acknowledged].length, 0)] as const,
    )
    console.log(`acknowledged: ${counts.map(([kind, n]) => `${n} ${kind}`).join(', ')}; ${rounds} kills, all there`)
  })

  it('is finished after Ctrl-C and a new start, with no request', async () => {
    const { id: agent } = bodyOf(await call('POST', '/v1/agents', { name: 'stopped', include_base_tools: false }))
    const run: Answer = await call('POST', `/v1/agents/${agent}/messages/async`, user('/wait 1500ms\n/say done'))
    const { id } = bodyOf(run) as { id: string }
    await until('the turn', async () => bodyOf(await call('GET', `/v1/runs/${id}`)).status === 'running')
    expect(await server.stop()).toBe(0)
    server = await startServer({ state })
    call = client(server)
    const ended = await until('the end of the run', async () => {
      const seen = bodyOf(await call('GET', `/v1/runs/${id}`))
      return seen.completed_at && seen
    })
    expect([ended.status, ended.stop_reason]).toEqual(['completed', 'end_turn'])
    const told = (await allPages(call, `/v1/agents/${agent}/messages?order=asc`)).slice(1)
    expect(told.map((message) => message.content)).toEqual(['/wait 1500ms\n/say done', 'done'])
    console.log('acknowledged: 1 run finished over 1 stop and start')
  })
})
