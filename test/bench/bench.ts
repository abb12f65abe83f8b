import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { type Client, clientOf, type Summary, summarize, throughput } from './client.ts'
import { fillHistory } from './history.ts'
import { type Bench, startFloor, startLoci } from './servers.ts'

// `npm run bench`: what a message costs, against the floor that this machine sets in the same minute.

const limits = { accept: 2, turn: 5, history: 1.3, bundle: 3 * 1024 * 1024, seconds: 90 }
const rounds = { warm: 30, pairs: 250, turnsPerAgent: 25, lists: 200 }
const parallel = { connections: 16, ms: 3_000, accepts: 40 }
const short = 1_000
const long = 100_000

interface Run {
  id: string
  status: string
}

const input = { messages: [{ role: 'user', content: 'Remember that the meeting moved to Thursday at ten.' }] }
const terminal = new Set(['completed', 'failed', 'cancelled', 'expired'])

async function createAgent(client: Client, name: string): Promise<string> {
  const body = { name, model: 'loci/scripted', memory_blocks: [{ label: 'human', value: 'Name: Ada' }] }
  return (await client.json<{ id: string }>('POST', '/v1/agents/', body)).value.id
}

async function finish(client: Client, run: string): Promise<void> {
  for (;;) {
    const { value } = await client.json<Run>('GET', `/v1/runs/${run}`)
    if (value.status === 'completed') return
    if (terminal.has(value.status)) throw new Error(`run ${run} ended ${value.status}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Floor and product take turns, so that whatever else the machine does falls on both. */
async function measureMessages(floor: Client, loci: Client) {
  const times = { floor: [] as number[], accept: [] as number[], turn: [] as number[] }
  let agent = ''
  for (let round = -rounds.warm; round < rounds.pairs; round++) {
    if (agent === '' || round % rounds.turnsPerAgent === 0) agent = await createAgent(loci, `bench-${round}`)
    const before = await floor.json('POST', '/', input)
    const accepted = await loci.json<Run>('POST', `/v1/agents/${agent}/messages/async`, input)
    await finish(loci, accepted.value.id)
    const between = await floor.json('POST', '/', input)
    const turn = await loci.json('POST', `/v1/agents/${agent}/messages`, input)
    if (round < 0) continue
    times.floor.push(before.ms, between.ms)
    times.accept.push(accepted.ms)
    times.turn.push(turn.ms)
  }
  return { floor: summarize(times.floor), accept: summarize(times.accept), turn: summarize(times.turn) }
}

async function measureHistory(loci: Client, server: Bench) {
  const db = await server.d1()
  const paths: string[] = []
  for (const total of [short, long]) {
    const agent = await createAgent(loci, `history-${total}`)
    await loci.json('POST', `/v1/agents/${agent}/messages`, input)
    await fillHistory(db, agent, total)
    paths.push(`/v1/agents/${agent}/messages?limit=50`)
  }
  const times: number[][] = [[], []]
  for (let round = -rounds.warm; round < rounds.lists; round++) {
    for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const { value, ms } = await loci.json<unknown[]>('GET', paths[which]!)
      if (value.length !== 50) throw new Error(`${paths[which]} answered ${value.length} messages instead of 50`)
      if (round >= 0) times[which]!.push(ms)
    }
  }
  return { short: summarize(times[0]!), long: summarize(times[1]!) }
}

async function measureParallel(floor: Client, loci: Client) {
  const agents = await Promise.all(Array.from({ length: parallel.connections }, (_, n) => createAgent(loci, `parallel-${n}`)))
  const rates = {
    floor: await throughput(parallel.connections, parallel.ms, () => floor.json('POST', '/', input)),
    turns: await throughput(parallel.connections, parallel.ms, (n) => loci.json('POST', `/v1/agents/${agents[n]}/messages`, input)),
    accepts: 0,
  }
  const started = performance.now()
  const last = await Promise.all(
    agents.map(async (agent) => {
      let run = ''
      for (let sent = 0; sent < parallel.accepts; sent++) {
        run = (await loci.json<Run>('POST', `/v1/agents/${agent}/messages/async`, input)).value.id
      }
      return run
    }),
  )
  rates.accepts = (parallel.connections * parallel.accepts * 1000) / (performance.now() - started)
  await Promise.all(last.map((run) => finish(loci, run)))
  return rates
}

const verdicts: boolean[] = []

function row(what: string, measured: string, limit = '', holds?: boolean): void {
  if (holds !== undefined) verdicts.push(holds)
  const verdict = holds === undefined ? '' : holds ? 'ok' : 'FAILS'
  console.log(`${what.padEnd(46)} ${measured.padEnd(34)} ${limit.padEnd(16)} ${verdict}`.trimEnd())
}

const ms = ({ p50, p99, n }: Summary): string => `p50 ${p50.toFixed(2)}  p99 ${p99.toFixed(2)} ms  (${n})`

async function main(state: string): Promise<void> {
  const [floorServer, lociServer] = [await startFloor(state), await startLoci(state)]
  const connect = (server: Bench, connections?: number) => clientOf(server.url, connections)
  try {
    const atRest = lociServer.memory()
    const messages = await measureMessages(connect(floorServer), connect(lociServer))
    row('floor: one object call, one D1 batch of three', ms(messages.floor))
    for (const [what, name] of [
      ['accept a message (async)', 'accept'],
      ['a whole one-step turn (blocking)', 'turn'],
    ] as const) {
      const ratio = messages[name].p50 / messages.floor.p50
      row(what, ms(messages[name]), `${ratio.toFixed(2)} × ≤ ${limits[name]} ×`, ratio <= limits[name])
    }
    const history = await measureHistory(connect(lociServer), lociServer)
    const ratio = Math.max(history.long.p50 / history.short.p50, history.short.p50 / history.long.p50)
    row(`last 50 of ${short.toLocaleString('en')} messages`, ms(history.short))
    row(
      `last 50 of ${long.toLocaleString('en')} messages`,
      ms(history.long),
      `${ratio.toFixed(2)} × ≤ ${limits.history} ×`,
      ratio <= limits.history,
    )
    const rates = await measureParallel(connect(floorServer, parallel.connections), connect(lociServer, parallel.connections))
    row(`floor at ${parallel.connections} connections`, `${rates.floor.toFixed(0)} requests/s`)
    row(`turns at ${parallel.connections} connections`, `${rates.turns.toFixed(0)} turns/s`)
    row(`accepts at ${parallel.connections} connections, turns behind`, `${rates.accepts.toFixed(0)} accepts/s`)
    row('memory of workerd, floor', `${floorServer.memory().toFixed(0)} MB`)
    row('memory of workerd', `${atRest.toFixed(0)} MB at first, ${lociServer.memory().toFixed(0)} MB now`)
    const { bytes, gzip } = lociServer.bundle.size
    const megabytes = (size: number) => `${(size / 1024 / 1024).toFixed(2)} MB`
    row('bundle', `${megabytes(bytes)}, ${megabytes(gzip)} gzip`, `≤ ${megabytes(limits.bundle)}`, gzip <= limits.bundle)
  } finally {
    await Promise.all([floorServer.dispose(), lociServer.dispose()])
  }
}

const load = loadavg()[0] ?? 0
if (load > availableParallelism()) {
  console.log(`The machine is busy (load ${load.toFixed(1)} on ${availableParallelism()} cores): expect worse figures than it is good for.`)
}
const state = mkdtempSync(path.join(tmpdir(), 'loci-bench-'))
const started = performance.now()
process.once('exit', () => rmSync(state, { recursive: true, force: true }))
setTimeout(() => {
  console.error(`The bench did not end within ${limits.seconds} s.`)
  process.exit(1)
}, limits.seconds * 1000)
try {
  await main(state)
} catch (error) {
  console.error(error)
  process.exit(1)
}
const holds = verdicts.every(Boolean)
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s, ${holds ? 'every limit holds' : 'a limit does not hold'}`)
process.exit(holds ? 0 : 1)
