import type { VectorIndex } from '../../src/retrieval/ports'

const problem = (status: number, code: number, message: string) =>
  Response.json({ success: false, result: null, errors: [{ code, message }], messages: [] }, { status })

/** Vectors of one `insert` or `upsert` over HTTP, and of one call of a binding. */
const perRequest = 5000
const perCall = 1000

async function inParts(vectors: VectorizeVector[], write: (part: VectorizeVector[]) => Promise<VectorizeAsyncMutation>) {
  if (vectors.length > perRequest) throw new Error(`too many vectors in payload; max vector count is ${perRequest}, got ${vectors.length}`)
  let last: VectorizeAsyncMutation | undefined
  for (let i = 0; i < vectors.length; i += perCall) last = await write(vectors.slice(i, i + perCall))
  return last
}

/** Cloudflare's REST API for one index, as a `fetch` that forwards to `index`. It knows one account, one token and one name. */
export function vectorizeApi(index: VectorIndex, known: { account: string; token: string; index: string }) {
  const vectorsOf = (body: string): VectorizeVector[] => body.split('\n').map((line) => JSON.parse(line))
  const operations: Record<string, (body: string) => Promise<unknown>> = {
    'GET /info': () => index.describe(),
    'POST /insert': (body) => inParts(vectorsOf(body), (part) => index.insert(part)),
    'POST /upsert': (body) => inParts(vectorsOf(body), (part) => index.upsert(part)),
    'POST /get_by_ids': (body) => index.getByIds(JSON.parse(body).ids),
    'POST /delete_by_ids': (body) => index.deleteByIds(JSON.parse(body).ids),
    'POST /query': (body) => {
      const { vector, vectorId, ...options } = JSON.parse(body)
      return vector ? index.query(vector, options) : index.queryById(vectorId, options)
    },
  }
  return async (url: string, init: RequestInit): Promise<Response> => {
    const { pathname } = new URL(url)
    if (new Headers(init.headers).get('authorization') !== `Bearer ${known.token}`) return problem(403, 10000, 'Authentication error')
    const prefix = `/client/v4/accounts/${known.account}/vectorize/v2/indexes/${known.index}`
    const operation = pathname.startsWith(prefix) ? operations[`${init.method} ${pathname.slice(prefix.length)}`] : undefined
    if (!operation) return problem(404, 3000, 'vectorize.index.not_found')
    try {
      return Response.json({ success: true, result: await operation(String(init.body ?? '')), errors: [], messages: [] })
    } catch (error) {
      const [, code, message] = /^\w+_ERROR(?: \(code = (\d+)\))?: (.*)$/s.exec((error as Error).message) ?? []
      return problem(400, Number(code ?? 40000), message ?? (error as Error).message)
    }
  }
}
