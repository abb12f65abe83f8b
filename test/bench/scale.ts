import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Client, clientOf, summarize } from './client.ts'
import { copies } from './copies.ts'
import { type Bench, startLoci } from './servers.ts'

// `npm run bench:scale`: what a call costs in an organization with 10,000 agents and 1,000,000 messages, against the same call where
// there are 100 agents. Two servers, asked in turns, so that whatever else the machine does falls on both.

const limit = 1.5
const rounds = { warm: 20, pairs: 120 }
const perAgent = 100
const small = 100
const large = Number(process.argv[2] ?? 10_000)
const seconds = 540

const input = { messages: [{ role: 'user', content: 'Remember that the meeting moved to Thursday at ten.' }] }

interface Filled extends Bench {
  client: Client
  /** Rows that calls name. */
  ids: Record<'agent' | 'block' | 'message' | 'run', string>
}

/** A server with so many agents, each with a block, tags and a history. */
async function fill(state: string, agents: number): Promise<Filled> {
  const server = await startLoci(state)
  const client = clientOf(server.url)
  const body = {
    name: 'agent-0',
    model: 'loci/scripted',
    memory_blocks: [{ label: 'human', value: 'Name: Ada', tags: ['all', 'rare'] }],
    tags: ['all', 'team-0', 'rare'],
  }
  const agent = (await client.json<{ id: string; blocks: { id: string }[] }>('POST', '/v1/agents/', body)).value
  const turn = (await client.json<{ messages: { id: string; run_id: string }[] }>('POST', `/v1/agents/${agent.id}/messages`, input)).value
  const ids = { agent: agent.id, block: agent.blocks[0]!.id, message: turn.messages[0]!.id, run: turn.messages[0]!.run_id }
  await copies(await server.d1(), ids, agents, perAgent)
  return { ...server, client, ids }
}

/** Every kind of list, filter and retrieval; filters that nearly nothing matches are the hard ones. */
const calls: [what: string, address: (ids: Filled['ids']) => string][] = [
  ['agents', () => '/v1/agents/'],
  ['agents, oldest first', () => '/v1/agents/?order=asc'],
  ['agents, next page', ({ agent }) => `/v1/agents/?order=asc&after=${agent}`],
  ['agents by last run', () => '/v1/agents/?order_by=last_run_completion'],
  ['agents by name', () => '/v1/agents/?name=agent-0'],
  ['agents by a text in the name', () => '/v1/agents/?query_text=ENT-0'],
  ['agents by a short text in the name', () => '/v1/agents/?query_text=t-'],
  ['agents by a tag of all', () => '/v1/agents/?tags=all'],
  ['agents by a tag of few', () => '/v1/agents/?tags=rare'],
  ['agents by all of two tags', () => '/v1/agents/?tags=all&tags=rare&match_all_tags=true'],
  ['agents with blocks, tools and tags', () => '/v1/agents/?limit=10&include=agent.blocks&include=agent.tools&include=agent.tags'],
  ['an agent', ({ agent }) => `/v1/agents/${agent}`],
  ['blocks', () => '/v1/blocks/'],
  ['blocks by label', () => '/v1/blocks/?label=human'],
  ['blocks by a tag of all', () => '/v1/blocks/?tags=all'],
  ['blocks by a tag of few', () => '/v1/blocks/?tags=rare'],
  ['a block', ({ block }) => `/v1/blocks/${block}`],
  ['agents of a block', ({ block }) => `/v1/blocks/${block}/agents`],
  ['messages of the organization', () => '/v1/messages/'],
  ['messages of an agent', ({ agent }) => `/v1/agents/${agent}/messages`],
  ['a message', ({ message }) => `/v1/messages/${message}`],
  ['runs of an agent', ({ agent }) => `/v1/runs/?agent_id=${agent}`],
  ['runs', () => '/v1/runs/'],
  ['a run', ({ run }) => `/v1/runs/${run}`],
  ['steps', () => '/v1/steps/'],
  ['tools', () => '/v1/tools/'],
  ['tags', () => '/v1/tags/'],
]

async function compare(few: Filled, many: Filled): Promise<boolean> {
  let holds = true
  for (const [what, address] of calls) {
    const times: [number[], number[]] = [[], []]
    for (let round = -rounds.warm; round < rounds.pairs; round++) {
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const server = which === 0 ? few : many
        const { ms } = await server.client.json('GET', address(server.ids))
        if (round >= 0) times[which].push(ms)
      }
    }
    const [at100, here] = times.map(summarize) as [ReturnType<typeof summarize>, ReturnType<typeof summarize>]
    const ratio = here.p50 / at100.p50
    const ok = ratio <= limit
    holds &&= ok
    console.log(
      `${what.padEnd(38)} p50 ${at100.p50.toFixed(2).padStart(6)} → ${here.p50.toFixed(2).padStart(6)} ms   ${ratio.toFixed(2)} × ≤ ${limit} ×   ${ok ? 'ok' : 'FAILS'}`,
    )
  }
  return holds
}

const state = mkdtempSync(path.join(tmpdir(), 'loci-scale-'))
process.once('exit', () => rmSync(state, { recursive: true, force: true }))
setTimeout(() => {
  console.error(`The bench did not end within ${seconds} s.`)
  process.exit(1)
}, seconds * 1000)
const started = performance.now()
const few = await fill(path.join(state, 'few'), small)
const many = await fill(path.join(state, 'many'), large)
console.log(
  `${large.toLocaleString('en')} agents, ${(large * perAgent).toLocaleString('en')} messages, filled in ${((performance.now() - started) / 1000).toFixed(0)} s`,
)
const holds = await compare(few, many)
console.log(`memory of workerd ${few.memory().toFixed(0)} MB and ${many.memory().toFixed(0)} MB`)
await Promise.all([few.dispose(), many.dispose()])
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s, ${holds ? 'every limit holds' : 'a limit does not hold'}`)
process.exit(holds ? 0 : 1)
