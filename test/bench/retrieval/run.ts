import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startLoci } from '../servers.ts'
import { archiveOf } from './api.ts'
import { compare, holds, measure, tableOf } from './compare.ts'
import { judgedSet } from './set.ts'

// `npm run bench:retrieval`: how well search by meaning, by words and by both find what people judged relevant, over the HTTP API. Fails when
// hybrid search is on average worse than either of the others. `-- --embedding <handle>` names another embedding model than the default.

const { values: options } = parseArgs({ options: { embedding: { type: 'string' } } })
const { corpus, queries } = judgedSet()
const state = mkdtempSync(path.join(tmpdir(), 'loci-retrieval-'))
process.once('exit', () => rmSync(state, { recursive: true, force: true }))
const started = performance.now()
const seconds = () => ((performance.now() - started) / 1000).toFixed(0)

async function main(): Promise<boolean> {
  const server = await startLoci(state)
  try {
    const searchers = await archiveOf(server.url, corpus, options.embedding ?? null)
    console.log(`${corpus.length} passages, indexed after ${seconds()} s`)
    const values = {
      vector: await measure(searchers.vector, queries),
      text: await measure(searchers.text, queries),
      hybrid: await measure(searchers.hybrid, queries),
    }
    for (const split of ['dev', 'test'] as const)
      console.log(['', `${split}, in percent`, ...tableOf(compare(values, queries, split))].join('\n'))
    return holds(compare(values, queries, 'test'))
  } finally {
    await server.dispose()
  }
}

try {
  const good = await main()
  console.log(`\n${seconds()} s, hybrid search is ${good ? 'at least as good as each single one' : 'worse than a single one'}`)
  process.exit(good ? 0 : 1)
} catch (error) {
  console.error(error)
  process.exit(1)
}
