import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Client, clientOf, summarize } from './client.ts'
import { judgedSet } from './retrieval/set.ts'
import { seedPassages } from './seed.ts'
import { type Bench, startLoci } from './servers.ts'

// `npm run bench:search`: what a search costs among 100,000 passages of one organization, against the same search among 1,000, on two servers
// that are asked in turns; and whether a passage is found by the very next request after it was stored, 1,000 times. Fails when the median is
// over three times the other, or one passage is not found. `-- --passages <n> --inserts <n>` for other numbers.

const limit = 3
const { values: options } = parseArgs({
  options: { passages: { type: 'string', default: '100000' }, inserts: { type: 'string', default: '1000' } },
})
const sizes = [1_000, Number(options.passages)] as const
const rounds = { warm: 10, pairs: 150 }
const { corpus, queries } = judgedSet()
const texts = queries.map(({ query }) => query)

interface Filled extends Bench {
  client: Client
  archive: string
  size: number
  /** Resident memory in MB when everything was stored and indexed, and of the server that was started then. */
  full: number
  empty: number
}

/** A server that was filled, started anew: what filling it took is not what searching it takes. */
async function fill(state: string, size: number): Promise<Filled> {
  const filled = await startLoci(state)
  const client = clientOf(filled.url)
  const archive = (await client.json<{ id: string }>('POST', '/v1/archives/', { name: 'bench' })).value.id
  await seedPassages(client, await filled.d1(), archive, corpus, size)
  const full = filled.memory()
  client.close()
  await filled.dispose()
  const server = await startLoci(state)
  return { ...server, client: clientOf(server.url), archive, size, full, empty: server.memory() }
}

const search = (at: Filled, query: string, more: Record<string, unknown> = {}) =>
  at.client.json<{ passage: { id: string } }[]>('POST', '/v1/passages/search', { archive_id: at.archive, query, limit: 10, ...more })

async function compare(few: Filled, many: Filled, search_mode: string): Promise<number> {
  const times: [number[], number[]] = [[], []]
  for (let round = -rounds.warm; round < rounds.pairs; round++) {
    // Every query is asked once only, with a number in it: otherwise its vector would be remembered.
    const query = `${texts[(round + rounds.warm) % texts.length]} ${search_mode} ${round + rounds.warm}`
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const { ms } = await search(which === 0 ? few : many, query, { search_mode })
      if (round >= 0) times[which].push(ms)
    }
  }
  const [small, large] = [summarize(times[0]), summarize(times[1])]
  const ratio = large.p50 / small.p50
  const show = (ms: number) => `${ms.toFixed(1).padStart(7)} ms`
  console.log(
    `${search_mode.padEnd(8)} p50 ${show(small.p50)} → ${show(large.p50)}  ×${ratio.toFixed(2)}   p99 ${show(small.p99)} → ${show(large.p99)}`,
  )
  return ratio
}

/** How many of the passages are found by the request after the one that stored them: by words, and by meaning alone. */
async function foundAtOnce(at: Filled, n: number): Promise<number> {
  let found = 0
  for (let i = 0; i < n; i++) {
    const subject = corpus[(i * 37) % corpus.length]?.text ?? ''
    const text = `Note ${crypto.randomUUID()}: ${subject}`
    const { value } = await at.client.json<{ id: string }>('POST', `/v1/archives/${at.archive}/passages`, { text })
    const { value: hits } = await search(at, text, { search_mode: i % 2 === 0 ? 'hybrid' : 'vector' })
    if (hits.some(({ passage }) => passage.id === value.id)) found++
  }
  return found
}

const folders = sizes.map((size) => mkdtempSync(path.join(tmpdir(), `loci-search-${size}-`)))
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

async function main(): Promise<boolean> {
  const began = performance.now()
  const few = await fill(folders[0] as string, sizes[0])
  const many = await fill(folders[1] as string, sizes[1])
  console.log(`${few.size} and ${many.size} passages stored and indexed in ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  for (const mode of ['fts', 'vector']) await compare(few, many, mode)
  const ratio = await compare(few, many, 'hybrid')
  console.log()
  for (const { size, full, empty, memory } of [few, many]) {
    const [stored, before, after] = [full, empty, memory()].map((mb) => `${mb.toFixed(0)} MB`)
    console.log(`workerd with ${size} passages: ${before} when started, ${after} after these searches; ${stored} after storing them`)
  }
  const inserts = Number(options.inserts)
  const found = await foundAtOnce(few, inserts)
  console.log(`\n${found} of ${inserts} passages found by the request after the one that stored them`)
  await Promise.all([few.dispose(), many.dispose()])
  if (ratio > limit) console.log(`A search among ${many.size} takes ×${ratio.toFixed(2)} the time; ×${limit} is the limit.`)
  return ratio <= limit && found === inserts
}

try {
  process.exit((await main()) ? 0 : 1)
} catch (error) {
  console.error(error)
  process.exit(1)
}
