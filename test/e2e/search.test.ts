import { Letta } from '@letta-ai/letta-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../support/server'

// Search over HTTP with the built-in embedding model, on one server that is killed in between.

const files = 200
let server: RunningServer
let client: Letta

beforeAll(async () => {
  server = await startServer({ env: { DEFAULT_EMBEDDING: '' } })
  client = new Letta({ baseURL: server.url, maxRetries: 0 })
})
afterAll(() => server.stop())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until<T>(what: string, look: () => Promise<T | undefined | false>, seconds = 60): Promise<T> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await pause(200)) {
    const seen = await look().catch(() => undefined)
    if (seen) return seen
  }
  throw new Error(`${what} did not come within ${seconds} s`)
}

interface IndexState {
  texts: number
  indexed: number
  pending: number
  missing: number | null
  embedding: string
  index: { vectors: number }
}
const indexOf = (path: string, query = {}) => client.get<IndexState>(`/v1/${path}/index`, { query })
const found = (hits: { passage: { text: string } }[]) => hits.map(({ passage }) => passage.text)

it('finds by meaning what the request before has stored, and no longer what it has deleted', async () => {
  const archive = await client.archives.create({ name: 'pets' })
  const passages = await client.archives.passages.createMany(archive.id, {
    passages: [{ text: 'The invoice of March was never paid.' }, { text: 'Bread needs flour, water and salt.' }],
  })
  const search = (query: string, search_mode: string) =>
    client.post<{ passage: { id: string; text: string }; metadata: object }[]>('/v1/passages/search', {
      body: { query, archive_id: archive.id, search_mode, limit: 1 },
    })
  const cat = await client.archives.passages.create(archive.id, { text: 'A kitten sleeps on the sofa.' })
  const catId = cat.id ?? ''
  expect(found(await search('Where is the cat?', 'vector'))).toEqual([cat.text])
  expect(await search('Where is the cat?', 'hybrid')).toMatchObject([{ passage: { id: cat.id }, metadata: { vector_rank: 1 } }])
  await client.archives.passages.delete(catId, { archive_id: archive.id })
  expect(found(await search('Where is the cat?', 'vector'))).not.toContain(cat.text)
  const changed = { body: { text: 'A puppy barks at the postman.' } }
  await client.patch(`/v1/archives/${archive.id}/passages/${passages[0]?.id}`, changed)
  expect(found(await search('the dog', 'vector'))).toEqual([changed.body.text])
  expect(found(await search('invoice', 'fts'))).toEqual([])
})

it('finds messages by meaning, and tells an agent so', async () => {
  const agent = await client.agents.create({ tools: ['conversation_search'], include_base_tools: false })
  await client.agents.messages.create(agent.id, { input: '/say The physician said that my heart is fine.' })
  const hits = await client.messages.search({ query: 'What did the doctor tell?', agent_id: agent.id, search_mode: 'vector', limit: 1 })
  expect(hits).toMatchObject([{ agent_id: agent.id, search_mode: 'vector', vector_rank: 1, fts_rank: null }])
  const { messages } = await client.agents.messages.create(agent.id, {
    input: '/call conversation_search {"query":"medical checkup","roles":["assistant"]}',
  })
  const returned = messages.find(({ message_type }) => message_type === 'tool_return_message') as { tool_return?: string } | undefined
  expect(returned?.tool_return).toContain('physician')
})

it('embeds what was stored before a crash, puts it into the index, and goes on with a rebuild that another crash cut', async () => {
  const archive = await client.archives.create({ name: 'crash' })
  const texts = Array.from(
    { length: 150 },
    (_, n) => `Note ${n} is about ${['tea', 'trains', 'tides', 'taxes'][n % 4]} and the number ${n * 7}.`,
  )
  await client.archives.passages.createMany(archive.id, { passages: texts.map((text) => ({ text })) })
  await pause(400)
  await server.kill9()
  await server.restart()
  const path = `archives/${archive.id}`
  await until('all vectors', async () => (await indexOf(path)).indexed === texts.length)
  expect(await indexOf(path, { check: true })).toMatchObject({ texts: 150, pending: 0, missing: 0, embedding: 'loci/use-lite' })
  const job = await client.post<{ id: string }>(`/v1/${path}/reindex`, { body: { re_embed: true } })
  await pause(300)
  await server.kill9()
  await server.restart()
  await until('the rebuild', async () => (await client.get<{ status: string }>(`/v1/jobs/${job.id}`)).status === 'completed')
  expect(await indexOf(path)).toMatchObject({ texts: 150, indexed: 150 })
  const other = { body: { embedding: 'openai/text-embedding-3-small' } }
  const refused = await client.patch(`/v1/${path}`, other).then(
    () => null,
    (error: { status: number; message: string }) => [error.status, error.message],
  )
  expect(refused).toEqual([409, expect.stringContaining('not mixed')])
})

it(`brings ${files} files that a crash interrupts to their end, each passage once`, async () => {
  const folder = await client.folders.create({ name: 'many' })
  const contents = (n: number) => (n % 20 === 0 ? `broken \0 ${n}` : `# File ${n}\n\nSentence ${n} speaks of otters and rivers.`)
  let next = 0
  const upload = async () => {
    for (let n = next++; n < files; n = next++)
      await client.folders.files.upload(folder.id, { file: new File([contents(n)], `file-${n}.md`, { type: 'text/markdown' }) })
  }
  await Promise.all([upload(), upload(), upload(), upload()])
  const states = async () => {
    const listed = await client.get<{ id: string; processing_status: string; error_message: string | null }[]>(
      `/v1/folders/${folder.id}/files`,
      {
        query: { limit: 1000 },
      },
    )
    return Map.groupBy(listed, ({ processing_status }) => processing_status)
  }
  await until('the first of them', async () => (await states()).has('completed'))
  await server.kill9()
  await server.restart()
  const done = await until(
    'all files',
    async () => {
      const by = await states()
      // Who asks for a file that nobody works on has it taken up.
      for (const { id } of [...(by.get('pending') ?? []), ...(by.get('parsing') ?? []), ...(by.get('embedding') ?? [])].slice(0, 10))
        await client.folders.files.retrieve(id, { folder_id: folder.id })
      return (by.get('completed')?.length ?? 0) + (by.get('error')?.length ?? 0) === files && by
    },
    180,
  )
  expect([done.get('completed')?.length, done.get('error')?.length]).toEqual([190, 10])
  for (const { error_message } of done.get('error') ?? []) expect(error_message).toMatch(/NUL/)
  const passages = await client.get<{ file_id: string; text: string; metadata: { start_line: number } }[]>(
    `/v1/folders/${folder.id}/passages`,
    {
      query: { limit: 1000 },
    },
  )
  const keys = passages.map(({ file_id, text, metadata }) => `${file_id} ${metadata.start_line} ${text}`)
  expect([new Set(passages.map(({ file_id }) => file_id)).size, new Set(keys).size]).toEqual([190, passages.length])
  await until('their vectors', async () => {
    const state = await indexOf(`folders/${folder.id}`)
    return state.indexed === passages.length && state.texts === passages.length
  })
}, 300_000)
