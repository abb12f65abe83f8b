import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { summarize } from './client.ts'
import { type Bench, startBuilt } from './servers.ts'

// `npm run bench:vectors [dimensions] [file of float32 vectors]`: what a query of the local index costs and finds among 1,000, 10,000 and
// 100,000 vectors of one namespace, over HTTP and through its binding. Recall is how many of the ten nearest it finds. Without a file,
// vectors are made: about a thousand topics, all leaning to one side as those of language models do, with some dimensions louder than others.

const dimensions = Number(process.argv[2] ?? 512)
const file = process.argv[3]
const sizes = [1000, 10_000, 100_000]
const batch = 1000
const asked = 200
const warm = 30
const results = 10
const seconds = 540

let state = 0x5eed
const random = (): number => {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const unit = (vector: Float32Array): Float32Array => {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
const noise = () => unit(Float32Array.from({ length: dimensions }, (_, i) => normal() / Math.sqrt(1 + (16 * i) / dimensions)))
const side = noise()
const topics = Array.from({ length: 1000 }, noise)

function made(): Float32Array {
  const topic = topics[Math.floor(random() * topics.length)] as Float32Array
  return unit(noise().map((value, i) => 0.67 * value + 0.55 * (topic[i] as number) + 0.5 * (side[i] as number)))
}

/** Vectors to store and vectors to ask with, one after the other. */
function dataset(): { stored: Float32Array; queries: Float32Array[] } {
  if (!file) {
    const stored = new Float32Array(Math.max(...sizes) * dimensions)
    for (let at = 0; at < stored.length; at += dimensions) stored.set(made(), at)
    return { stored, queries: Array.from({ length: asked }, made) }
  }
  const bytes = readFileSync(file)
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - (bytes.length % (4 * dimensions))))
  const from = all.length - asked * dimensions
  const queries = Array.from({ length: asked }, (_, i) => all.slice(from + i * dimensions, from + (i + 1) * dimensions))
  return { stored: all.subarray(0, from), queries }
}

/** Numbers of the nearest vectors, by computing all products. */
function nearest(stored: Float32Array, count: number, query: Float32Array): Set<number> {
  const best: { i: number; product: number }[] = []
  for (let i = 0; i < count; i++) {
    let product = 0
    for (let j = 0, at = i * dimensions; j < dimensions; j++, at++) product += (stored[at] as number) * (query[j] as number)
    if (best.length === results && product <= (best[results - 1]?.product ?? 0)) continue
    best.push({ i, product })
    best.sort((a, b) => b.product - a.product)
    best.length = Math.min(best.length, results)
  }
  return new Set(best.map(({ i }) => i))
}

const start = (folder: string): Promise<Bench> =>
  startBuilt('vectors-worker.ts', folder, {
    name: 'vectors',
    bindings: { DIMENSIONS: dimensions },
    durableObjects: { VECTORS: { className: 'VectorsObject', useSQLite: true } },
    serviceBindings: { INDEX: { name: 'vectors', entrypoint: 'LocalVectorize', props: { dimensions } } },
  })

async function post<T>({ url }: Bench, address: string, body: Float32Array): Promise<{ value: T; ms: number }> {
  const from = performance.now()
  const response = await fetch(`${url}${address}`, { method: 'POST', body: body as Float32Array<ArrayBuffer> })
  const text = await response.text()
  if (!response.ok) throw new Error(`${address} answered ${response.status}: ${text.slice(0, 500)}`)
  return { value: JSON.parse(text) as T, ms: performance.now() - from }
}

async function ask(
  bench: Bench,
  address: string,
  queries: Float32Array[],
): Promise<{ found: number[][]; least: number; p50: number; p99: number; used: number }> {
  for (const query of queries.slice(0, warm)) await post(bench, address, query)
  const before = bench.processor()
  const answers: { value: number[]; ms: number }[] = []
  for (const query of queries) answers.push(await post<number[]>(bench, address, query))
  const used = (bench.processor() - before) / queries.length
  const times = answers.map(({ ms }) => ms)
  return { found: answers.map(({ value }) => value), used, least: Math.min(...times), ...summarize(times) }
}

const folder = mkdtempSync(path.join(tmpdir(), 'loci-vectors-'))
process.once('exit', () => existsSync(folder) && rmSync(folder, { recursive: true, force: true }))
void setTimeout(seconds * 1000).then(() => {
  console.error(`The bench did not end within ${seconds} s.`)
  process.exit(1)
})

const { stored, queries } = dataset()
const total = stored.length / dimensions
let bench = await start(folder)
const idle = bench.memory()
console.log(
  `${dimensions} dimensions, ${file ?? 'made vectors'}; times in ms, cpu a query; memory of workerd above ${idle.toFixed(0)} MB when idle`,
)
console.log('  vectors   fill/1000   first   least     p50     p99    cpu   1 of 10   1 of 2   recall@10   memory')
let filled = 0
for (const size of [...sizes.filter((each) => each < total), Math.min(total, Math.max(...sizes))]) {
  const times: number[] = []
  for (; filled < size; filled += batch) {
    const part = stored.subarray(filled * dimensions, Math.min(filled + batch, size) * dimensions)
    times.push((await post(bench, `/fill/${filled}`, part)).ms)
  }
  filled = size
  await bench.dispose()
  bench = await start(folder)
  const { ms: first } = await post(bench, '/ask', queries[0] as Float32Array)
  const { found, least, p50, p99, used } = await ask(bench, '/ask', queries)
  const tenth = await ask(bench, '/ask?filter', queries)
  const half = await ask(bench, '/ask?role', queries)
  const truth = queries.map((query) => nearest(stored, size, query))
  // Connections that were closed during the computation are noticed before the next is asked for.
  await setTimeout(100)
  const hits = found.reduce((sum, ids, i) => sum + ids.filter((id) => truth[i]?.has(id)).length, 0)
  const columns: [number, number, number][] = [
    [summarize(times).p50, 12, 0],
    [first, 8, 1],
    [least, 8, 2],
    [p50, 8, 2],
    [p99, 8, 2],
    [used, 7, 2],
    [tenth.p50, 10, 2],
    [half.p50, 9, 2],
    [hits / (asked * results), 12, 4],
    [bench.memory() - idle, 9, 0],
  ]
  console.log(
    size.toLocaleString('en').padStart(9) + columns.map(([value, width, digits]) => value.toFixed(digits).padStart(width)).join(''),
  )
}
await bench.dispose()
process.exit(0)
