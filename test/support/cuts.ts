import { setTimeout as delay } from 'node:timers/promises'
import type { RunningServer } from './server'
import { inD1, inObjects } from './state'

/** What a killed server was in the middle of, as counts. */
export interface Cut {
  /** Calls of a model that had not answered. */
  models: number
  /** Tool calls without a result, and those of them whose edit was in D1 already. */
  tools: number
  applied: number
  /** Commits of agents that D1 lacked, and those that D1 had but the agent did not know it. */
  unprojected: number
  unconfirmed: number
  /** Webhooks of ended runs that no delivery object had, and those on their way to the receiver. */
  owed: number
  sending: number
}

interface Seen {
  models: number
  calls: string[]
  outbox: { kind: string; payload: string }[]
}

const openModels = `select count(*) as n from steps join runs on runs.id = steps.run_id
  where runs.status = 'running' and steps.status = 'pending' and steps.llm_started_at is not null and steps.llm_ended_at is null`

/** Reads in the state of a server that was just killed what the kill cut. */
export function cutIn(state: string): Cut {
  const agents = inObjects(
    state,
    'AgentObject',
    (query): Seen => ({
      models: Number(query(openModels)[0]?.n),
      calls: query("select step_id || '/' || n as key from calls where state = 'started'").map((row) => row.key),
      outbox: query<{ kind: string; payload: string }>('select kind, payload from outbox'),
    }),
  )
  const calls = agents.flatMap((agent) => agent.calls)
  const outbox = agents.flatMap((agent) => agent.outbox)
  const messages = outbox.flatMap(({ kind, payload }) => (kind === 'messages' ? (JSON.parse(payload).rows as { id: string }[]) : []))
  const known = inD1(state, (query) => ({
    applied: query(
      'select operation_key from block_history where operation_key in (select value from json_each(?))',
      JSON.stringify(calls),
    ),
    messages: query('select id from messages where id in (select value from json_each(?))', JSON.stringify(messages.map(({ id }) => id))),
  }))
  const deliveries = inObjects(state, 'DeliveryObject', (query) => ({
    known: query('select id from deliveries').map(({ id }) => id as string),
    open: query('select id from attempts where finished_at is null').length,
  }))
  const taken = new Set(deliveries.flatMap(({ known }) => known))
  const webhooks = outbox.flatMap(({ kind, payload }) => (kind === 'delivery' ? [JSON.parse(payload).id as string] : []))
  return {
    models: agents.reduce((sum, agent) => sum + agent.models, 0),
    tools: calls.length,
    applied: known.applied.length,
    unprojected: messages.length - known.messages.length,
    unconfirmed: known.messages.length,
    owed: webhooks.filter((id) => !taken.has(id)).length,
    sending: deliveries.reduce((sum, { open }) => sum + open, 0),
  }
}

/** What several kills cut, added up. */
export const addCuts = (cuts: Cut[]): Cut =>
  cuts.reduce(
    (sum, cut) => ({
      models: sum.models + cut.models,
      tools: sum.tools + cut.tools,
      applied: sum.applied + cut.applied,
      unprojected: sum.unprojected + cut.unprojected,
      unconfirmed: sum.unconfirmed + cut.unconfirmed,
      owed: sum.owed + cut.owed,
      sending: sum.sending + cut.sending,
    }),
    { models: 0, tools: 0, applied: 0, unprojected: 0, unconfirmed: 0, owed: 0, sending: 0 },
  )

/**
 * Kills a server that is busy the moment `isIt` finds in its state what is waited for: it is stopped, looked at, and let go on until
 * then. After `limit` milliseconds it is killed wherever it is.
 */
export async function killWhen(server: RunningServer, isIt: () => boolean, limit = 6000): Promise<void> {
  for (const end = performance.now() + limit; performance.now() < end; await delay(Math.random() * 30)) {
    process.kill(-server.pid, 'SIGSTOP')
    await delay(5)
    if (isIt()) break
    process.kill(-server.pid, 'SIGCONT')
  }
  await server.kill9()
}

/** Kills a server that is busy in the middle of what is `wanted`. Resolves with all that the kill cut. */
export async function killIn(server: RunningServer, wanted: keyof Cut): Promise<Cut> {
  await killWhen(server, () => cutIn(server.state)[wanted] > 0)
  return cutIn(server.state)
}
