import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigSchema } from '../../src/env'
import { root } from '../../src/local/bootstrap.mjs'
import { type LocalEmbedder, startEmbedder } from '../../src/local/embedder'
import { serve } from '../../src/local/serve'
import { embeddingCatalog } from '../../src/models'
import type { EmbeddingModel } from '../../src/retrieval/ports'
import { cosine, lengthOf } from '../support/vectors'

let embedder: LocalEmbedder
let model: EmbeddingModel

beforeAll(async () => {
  embedder = await startEmbedder()
  const config = ConfigSchema.parse({ LOCAL_EMBEDDER_URL: embedder.url })
  model = embeddingCatalog(config, undefined, { sleep: async () => {} })('loci/use-lite')
})
afterAll(() => embedder.close())

const embed = (texts: string[]) => model.embed(texts, 'document')

interface Answer {
  status: number
  body: { data: { embedding: string | number[] }[]; usage: { prompt_tokens: number } }
}

const post = async (body: unknown, type = 'application/json'): Promise<Answer> => {
  const sent = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${embedder.url}/embeddings`, { method: 'POST', headers: { 'content-type': type }, body: sent })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}
const alike = (a: Float32Array | undefined, b: Float32Array | undefined) => expect(cosine(a, b)).toBeCloseTo(1, 5)
const runs = (pid: number): boolean => {
  try {
    return !/^Z/.test(execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim())
  } catch {
    return false
  }
}

describe('the built-in embedding model', () => {
  it('puts sentences of like meaning nearer to each other than to others', async () => {
    const pairs = [
      ['How do I reset my password?', 'I forgot my login credentials and cannot sign in.'],
      ['The cat is sleeping on the sofa.', 'A kitten naps on the couch.'],
      ['The company’s revenue grew by ten percent.', 'Sales of the firm rose this year.'],
      ['It will rain tomorrow in London.', 'The weather forecast says it will be wet.'],
    ]
    const vectors = await embed(pairs.flat())
    for (const [at, vector] of vectors.entries()) {
      const near = vectors.map((other, index) => ({ index, score: index === at ? -1 : cosine(vector, other) }))
      expect(near.reduce((best, one) => (one.score > best.score ? one : best)).index).toBe(at ^ 1)
    }
  })

  it('gives a text the same vector alone, among 32, and twice at once', async () => {
    const texts = Array.from({ length: 32 }, (_, n) => `${'some words of a longer text '.repeat(n % 5)}number ${n}`)
    const [many, again, ...single] = await Promise.all([embed(texts), embed(texts), ...texts.map((text) => embed([text]))])
    for (const [at, vector] of (many ?? []).entries()) {
      expect([vector.length, lengthOf(vector)]).toEqual([512, expect.closeTo(1, 5)])
      alike(vector, again?.[at])
      alike(vector, single[at]?.[0])
    }
  })

  it('reads all of a text of some hundred tokens, and the beginning of a huge one', async () => {
    const long = 'The harbour was quiet in the morning. '.repeat(30)
    const [plain, changed, huge, huger] = await embed([long, `${long} The volcano erupted at noon.`, long.repeat(100), long.repeat(200)])
    expect(cosine(plain, changed)).toBeLessThan(0.999)
    alike(huge, huger)
  })

  it.each([
    ['an empty text', ''],
    ['spaces', ' \n\t '],
    ['emoji', '🎉👩‍👩‍👧‍👦'],
    ['NUL', '\0'],
    ['half a pair', '\ud83d'],
    ['a megabyte without a space', 'x'.repeat(1_000_000)],
    ['other scripts', '你好，世界 — Привет, мир — مرحبا'],
  ])('takes %s', async (_, text) => {
    const [vector] = await embed([text])
    expect(lengthOf(vector ?? [])).toBeCloseTo(1, 5)
    const direct = await post({ model: 'use-lite', input: text.toWellFormed() })
    expect([direct.status, direct.body.data[0]?.embedding.length]).toEqual([200, 512])
  })

  it('does not tell NUL, tabs and line ends from spaces', async () => {
    const [a, b] = await embed(['two words', 'two\0\n\twords '])
    alike(a, b)
  })
})

describe('its server', () => {
  it('speaks OpenAI’s protocol', async () => {
    const { status, body } = await post({ model: 'loci/use-lite', input: ['a', 'b'], encoding_format: 'float', dimensions: 512 })
    expect(status).toBe(200)
    expect(body).toMatchObject({ object: 'list', model: 'loci/use-lite', data: [{ object: 'embedding', index: 0 }, { index: 1 }] })
    expect(body.usage.prompt_tokens).toBeGreaterThan(0)
    expect(await (await fetch(`${embedder.url}/models`)).json()).toMatchObject({ data: [{ id: 'use-lite' }] })
  })

  it('sends the same numbers as base64', async () => {
    const vector = async (more: object) => (await post({ model: 'use-lite', input: 'a', ...more })).body.data[0]?.embedding
    const bytes = Buffer.from(String(await vector({ encoding_format: 'base64' })), 'base64')
    const numbers = Array.from({ length: 512 }, (_, at) => bytes.readFloatLE(at * 4))
    expect([bytes.length, numbers]).toEqual([2048, await vector({})])
  })

  it.each([
    [400, 'no valid JSON', '{', 'application/json'],
    [400, 'no object', '3', 'application/json'],
    [415, 'another type, which a page in a browser may send unasked', { model: 'use-lite', input: 'a' }, 'text/plain'],
    [404, 'another model', { model: 'gpt', input: 'a' }, 'application/json'],
    [400, 'no text', { model: 'use-lite' }, 'application/json'],
    [400, 'tokens', { model: 'use-lite', input: [[1, 2]] }, 'application/json'],
    [400, 'no texts', { model: 'use-lite', input: [] }, 'application/json'],
    [400, 'too many texts', { model: 'use-lite', input: Array(257).fill('a') }, 'application/json'],
    [400, 'shorter vectors', { model: 'use-lite', input: 'a', dimensions: 256 }, 'application/json'],
    [400, 'another encoding', { model: 'use-lite', input: 'a', encoding_format: 'hex' }, 'application/json'],
    [413, 'five megabytes', { model: 'use-lite', input: 'a'.repeat(5_000_000) }, 'application/json'],
  ])('answers %i to %s, with the reason', async (status, _, body, type) => {
    const answer = await post(body, type)
    expect(answer).toMatchObject({ status, body: { error: { message: expect.any(String), type: 'invalid_request_error' } } })
  })

  it('answers 404 elsewhere and 405 to other methods', async () => {
    expect((await fetch(embedder.url.replace('/v1', '/'))).status).toBe(404)
    expect((await fetch(`${embedder.url}/embeddings`)).status).toBe(405)
  })
})

describe('its process', () => {
  it('does not run before it is needed', async () => {
    const idle = await startEmbedder()
    expect(idle.pid()).toBeUndefined()
    await idle.close()
  })

  it('is started again after it was killed, at the same address; who was waiting does not notice', async () => {
    await embed(['warm'])
    const before = embedder.pid() as number
    const waiting = embed(Array.from({ length: 12 }, (_, n) => `${n} ${'words and more words '.repeat(40)}`))
    await new Promise((resolve) => setTimeout(resolve, 100))
    process.kill(before, 'SIGKILL')
    expect(await waiting).toHaveLength(12)
    expect(embedder.pid()).not.toBe(before)
    expect(runs(before)).toBe(false)
  })

  it('leaves no connection open when it dies before it took it', async () => {
    await embed(['warm'])
    const pid = embedder.pid() as number
    process.kill(pid, 'SIGSTOP')
    const stuck = [1, 2, 3].map(() => post({ model: 'use-lite', input: 'a' }))
    await new Promise((resolve) => setTimeout(resolve, 100))
    process.kill(pid, 'SIGKILL')
    for (const { status } of await Promise.allSettled(stuck)) expect(status).toBe('rejected')
    expect(await embed(['again'])).toHaveLength(1)
  })

  it('has a lower priority than the server’s', async () => {
    await embed(['warm'])
    const nice = execFileSync('ps', ['-o', 'nice=', '-p', String(embedder.pid())], { encoding: 'utf8' })
    expect(Number(nice)).toBeGreaterThanOrEqual(10)
  })

  it('ends with its parent, also after kill -9, and with close', async () => {
    const program = `
      import { startEmbedder } from './src/local/embedder/index.ts'
      const embedder = await startEmbedder()
      const headers = { 'content-type': 'application/json' }
      await fetch(embedder.url + '/embeddings', { method: 'POST', headers, body: JSON.stringify({ model: 'use-lite', input: 'a' }) })
      console.log(embedder.pid())
      setInterval(() => {}, 1000)`
    const parent: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(parent.stdout as NodeJS.ReadableStream, 'data')
    const pid = Number(String(line))
    expect(runs(pid)).toBe(true)
    parent.kill('SIGKILL')
    await expect.poll(() => runs(pid), { timeout: 10_000 }).toBe(false)

    const other = await startEmbedder()
    await fetch(`${other.url}/models`)
    const running = other.pid() as number
    await other.close()
    expect([other.pid(), runs(running)]).toEqual([undefined, false])
  })
})

describe('a server', () => {
  const state = mkdtempSync(path.join(tmpdir(), 'loci-embedder-'))
  afterAll(() => rmSync(state, { recursive: true, force: true }))

  const listed = async (url: string) => {
    const rows = (await (await fetch(`${url}/v1/models/embedding`)).json()) as { handle: string }[]
    return rows.map(({ handle }) => handle)
  }

  it('has the built-in embedding model beside it, and ends it', async () => {
    const server = await serve({ state })
    try {
      expect(await listed(server.url)).toEqual(['loci/use-lite'])
      const own = embeddingCatalog(ConfigSchema.parse(server.vars))('loci/use-lite')
      expect((await own.embed(['a text'], 'document'))[0]).toHaveLength(512)
    } finally {
      await server.dispose()
    }
    await expect(fetch(`${server.vars.LOCAL_EMBEDDER_URL}/models`)).rejects.toThrow()
  })

  it('uses another address of it that it is given, or none', async () => {
    for (const [LOCAL_EMBEDDER_URL, handles] of [
      [embedder.url, ['loci/use-lite']],
      ['', []],
    ] as const) {
      const server = await serve({ state, vars: { LOCAL_EMBEDDER_URL } })
      try {
        expect([server.vars.LOCAL_EMBEDDER_URL, await listed(server.url)]).toEqual([LOCAL_EMBEDDER_URL, handles])
      } finally {
        await server.dispose()
      }
    }
  })
})
