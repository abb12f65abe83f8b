import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { useLite } from './model.ts'
import type { Queue } from './queue.ts'

const maxBodyBytes = 4 * 1024 * 1024
const maxTexts = 256
const maxWaiting = 4_096

/** A request that cannot be served, as OpenAI's API says so. */
class Refusal extends Error {
  readonly status: number
  readonly code: string | null
  readonly param: string | null
  constructor(status: number, message: string, { code = null, param = null }: { code?: string | null; param?: string | null } = {}) {
    super(message)
    this.status = status
    this.code = code
    this.param = param
  }
}

interface Asked {
  texts: string[]
  base64: boolean
  model: string
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  // A page in a browser can only send this type after a question that is not answered here.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) throw new Refusal(415, 'Send application/json.')
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > maxBodyBytes) throw new Refusal(413, `The request is larger than ${maxBodyBytes} bytes. Send fewer texts at once.`)
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString())
  } catch {
    throw new Refusal(400, 'The request is not valid JSON.')
  }
}

const names: string[] = [useLite.name, `loci/${useLite.name}`]

function read(body: unknown): Asked {
  if (typeof body !== 'object' || body === null) throw new Refusal(400, 'The request is not an object.')
  const { model, input, encoding_format = 'float', dimensions = useLite.dimensions } = body as Record<string, unknown>
  if (typeof model !== 'string' || !names.includes(model)) {
    throw new Refusal(404, `The model ${JSON.stringify(model)} does not exist; there is '${useLite.name}'.`, {
      code: 'model_not_found',
      param: 'model',
    })
  }
  const texts: unknown[] = Array.isArray(input) ? input : [input]
  if (!texts.every((text) => typeof text === 'string')) {
    throw new Refusal(400, "'input' must be a text or a list of texts; lists of tokens are not read.", { param: 'input' })
  }
  if (texts.length === 0 || texts.length > maxTexts) {
    throw new Refusal(400, `'input' must have 1 to ${maxTexts} texts; it has ${texts.length}.`, { param: 'input' })
  }
  if (encoding_format !== 'float' && encoding_format !== 'base64') {
    throw new Refusal(400, "'encoding_format' must be float or base64.", { param: 'encoding_format' })
  }
  if (dimensions !== useLite.dimensions) {
    throw new Refusal(400, `'dimensions' must be ${useLite.dimensions}: this model's vectors cannot be shortened.`, { param: 'dimensions' })
  }
  return { texts, base64: encoding_format === 'base64', model }
}

const encoded = (vector: Float32Array, base64: boolean): string | number[] =>
  base64 ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64') : Array.from(vector)

async function embeddings(queue: Queue, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const { texts, base64, model } = read(await bodyOf(request))
  if (queue.waiting + texts.length > maxWaiting) throw new Refusal(429, `More than ${maxWaiting} texts are waiting.`)
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const { vectors, tokens } = await queue.add(texts, gone.signal)
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encoded(vector, base64) })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

async function route(queue: Queue, request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const { pathname } = new URL(request.url ?? '/', 'http://embedder')
  if (pathname === '/v1/models' && request.method === 'GET') return { object: 'list', data: [{ id: useLite.name, object: 'model' }] }
  if (pathname !== '/v1/embeddings') throw new Refusal(404, `There is no ${pathname} here; there is POST /v1/embeddings.`)
  if (request.method !== 'POST') throw new Refusal(405, `${pathname} takes POST.`)
  return embeddings(queue, request, response)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  const text = JSON.stringify(body)
  // What is left of a refused body is not read.
  const headers = { ...(status === 429 ? { 'retry-after': '1' } : {}), ...(status === 413 ? { connection: 'close' } : {}) }
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers })
  response.end(text)
}

/** `POST /v1/embeddings` as OpenAI's API has it, over the local model. */
export function embeddingServer(queue: Queue): Server {
  return createServer((request, response) => {
    route(queue, request, response).then(
      (body) => send(response, 200, body),
      (error: unknown) => {
        const refused = error instanceof Refusal ? error : null
        const message = error instanceof Error ? error.message : String(error)
        const type = refused ? (refused.status === 429 ? 'rate_limit_error' : 'invalid_request_error') : 'server_error'
        send(response, refused?.status ?? 500, {
          error: { message, type, param: refused?.param ?? null, code: refused?.code ?? null },
        })
      },
    )
  })
}
