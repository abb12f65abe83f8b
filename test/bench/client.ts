import { Agent, request } from 'node:http'

export interface Answer {
  status: number
  body: string
  /** From the first byte sent to the last byte received, in ms. */
  ms: number
}

export interface Client {
  send(method: string, path: string, body?: unknown): Promise<Answer>
  /** Sends and parses; throws with the body when the status is not 2xx. */
  json<T>(method: string, path: string, body?: unknown): Promise<{ value: T; ms: number }>
  close(): void
}

/** HTTP client that keeps its connections open. */
export function clientOf(base: string, connections = 1): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const { hostname: host, port } = new URL(base)
  const send: Client['send'] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const headers = payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
      const started = performance.now()
      const call = request({ agent, host, port, method, path, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, ms: performance.now() - started }))
        response.on('error', reject)
      })
      call.on('error', reject)
      call.end(payload)
    })
  return {
    send,
    json: async <T>(method: string, path: string, body?: unknown) => {
      const answer = await send(method, path, body)
      if (answer.status < 200 || answer.status > 299)
        throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body.slice(0, 500)}`)
      return { value: JSON.parse(answer.body) as T, ms: answer.ms }
    },
    close: () => agent.destroy(),
  }
}

export interface Summary {
  n: number
  p50: number
  p99: number
}

const quantile = (sorted: number[], q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN

/** Median and 99th percentile of durations in ms. */
export function summarize(samples: number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b)
  return { n: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

/** Runs `work` on each of `connections` workers until the time is over; resolves with completions per second. */
export async function throughput(connections: number, ms: number, work: (worker: number) => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: connections }, async (_, worker) => {
      while (performance.now() - started < ms) {
        await work(worker)
        done += 1
      }
    }),
  )
  return (done * 1000) / (performance.now() - started)
}
