import { type Client, clientOf } from '../client.ts'
import type { Searcher, System } from './compare.ts'
import type { Passage } from './set.ts'

const modes = { vector: 'vector', text: 'fts', hybrid: 'hybrid' } as const
const unfinished = ['unqueued', 'pending', 'embedded', 'submitted'] as const

type IndexState = Partial<Record<(typeof unfinished)[number] | 'texts' | 'passages' | 'indexed' | 'failed', number>>

interface Hit {
  passage: { id: string }
  metadata: { search_mode?: string; fts_rank?: number | null; vector_rank?: number | null }
}

const patience = { seconds: 300, betweenMs: 250 }

/** Resolves when every passage of the archive is in the index. Throws when one cannot be, or when it takes too long. */
async function indexed(client: Client, archive: string, passages: number): Promise<void> {
  const deadline = performance.now() + patience.seconds * 1000
  for (;;) {
    const { value } = await client.json<IndexState>('GET', `/v1/archives/${archive}/index`)
    const state = JSON.stringify(value)
    if ((value.failed ?? 0) > 0) throw new Error(`The embedding model refused passages: ${state}`)
    if (value.indexed === passages && unfinished.every((name) => (value[name] ?? 0) === 0)) return
    if (performance.now() > deadline) throw new Error(`Not everything was indexed after ${patience.seconds} s: ${state}`)
    await new Promise((resolve) => setTimeout(resolve, patience.betweenMs))
  }
}

/** Throws when the server did not search as it was asked: two modes that are secretly one would be compared with themselves. */
function checkMode(mode: (typeof modes)[System], hits: Hit[]): void {
  for (const { metadata } of hits) {
    const { search_mode, fts_rank = null, vector_rank = null } = metadata
    const ranked = { vector: vector_rank !== null && fts_rank === null, fts: fts_rank !== null && vector_rank === null, hybrid: true }
    if (search_mode !== mode || !ranked[mode])
      throw new Error(`Asked for search_mode '${mode}', the server answered ${JSON.stringify(metadata)}`)
  }
}

/**
 * Stores the corpus as one archive of a server that needs no key, waits until it is indexed, and resolves with the three ways to search it.
 * `embedding` is the handle of the embedding model; null takes the server's default.
 */
export async function archiveOf(url: string, corpus: readonly Passage[], embedding: string | null): Promise<Record<System, Searcher>> {
  const client = clientOf(url)
  const archive = (await client.json<{ id: string; embedding: string | null }>('POST', '/v1/archives/', { name: 'judged', embedding }))
    .value
  if (archive.embedding === null)
    throw new Error('The server gave the archive no embedding model. Name one: npm run bench:retrieval -- --embedding <handle>')
  const sent = { passages: corpus.map(({ text }) => ({ text })) }
  const stored = (await client.json<{ id: string }[]>('POST', `/v1/archives/${archive.id}/passages/batch`, sent)).value
  const ids = new Map(stored.map(({ id }, i) => [id, corpus[i]?.id as string]))
  await indexed(client, archive.id, corpus.length)

  const searcher =
    (system: System): Searcher =>
    async (query, limit) => {
      const search_mode = modes[system]
      const { value } = await client.json<Hit[]>('POST', '/v1/passages/search', { archive_id: archive.id, query, search_mode, limit })
      checkMode(search_mode, value)
      return value.map(({ passage }) => ids.get(passage.id) as string)
    }
  return { vector: searcher('vector'), text: searcher('text'), hybrid: searcher('hybrid') }
}
