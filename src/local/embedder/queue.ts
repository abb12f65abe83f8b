import { setImmediate as turn } from 'node:timers/promises'
import type { SentenceEncoder } from './model.ts'

/** Texts that were asked for together, as far as they are embedded. */
interface Job {
  sums: (Float32Array | undefined)[]
  /** Windows that are still to come, by text. */
  left: number[]
  unfinished: number
  tokens: number
  signal: AbortSignal
  resolve(done: Embedded): void
  reject(error: unknown): void
}

/** A text that waits, or one window of a text that has been tokenized. */
interface Piece {
  job: Job
  index: number
  text: string
  window?: number[]
}

/** Vectors of unit length, one a text, in order, and how many tokens were read. */
export interface Embedded {
  vectors: Float32Array[]
  tokens: number
}

/** Tokens, padding included, that are computed without a pause: they bound how long a query waits for what is under way. */
const stepTokens = 128

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return vector.map((value) => value / length)
}

/**
 * Does one step of work after the other, in two lanes: texts that came alone go before those that came together, within a lane the first
 * come is the first served. Between two steps whatever has arrived meanwhile is taken in.
 */
export class Queue {
  private readonly lanes: [alone: Piece[], together: Piece[]] = [[], []]
  private running = false

  private readonly encoder: () => Promise<SentenceEncoder>

  constructor(encoder: () => Promise<SentenceEncoder>) {
    this.encoder = encoder
  }

  /** Texts and windows that wait. */
  get waiting(): number {
    return this.lanes[0].length + this.lanes[1].length
  }

  /** Embeds texts; a long one is the mean of its windows. An abort takes out what has not begun, and is thrown as the signal's reason. */
  add(texts: string[], signal: AbortSignal): Promise<Embedded> {
    return new Promise((resolve, reject) => {
      const job: Job = { sums: [], left: texts.map(() => 1), unfinished: texts.length, tokens: 0, signal, resolve, reject }
      if (signal.aborted) return reject(signal.reason)
      signal.addEventListener('abort', () => this.drop(job, signal.reason), { once: true })
      const lane = this.lanes[texts.length === 1 ? 0 : 1]
      lane.push(...texts.map((text, index) => ({ job, index, text })))
      if (!this.running) void this.run()
    })
  }

  private drop(job: Job, reason: unknown): void {
    if (job.unfinished === 0) return
    for (const lane of this.lanes) lane.splice(0, lane.length, ...lane.filter((piece) => piece.job !== job))
    job.reject(reason)
  }

  private async run(): Promise<void> {
    this.running = true
    while (this.waiting > 0) {
      const pieces: Piece[] = []
      try {
        const encoder = await this.encoder()
        const lane = this.lanes[0].length > 0 ? this.lanes[0] : this.lanes[1]
        pieces.push(...this.next(lane, encoder))
        const vectors = pieces.length > 0 ? await encoder.encode(pieces.map(({ window }) => window ?? [])) : []
        for (const [at, piece] of pieces.entries()) this.take(piece, vectors[at] as Float32Array)
      } catch (error) {
        const failed = pieces.length > 0 ? pieces : this.lanes.flat()
        for (const job of new Set(failed.map((piece) => piece.job))) this.drop(job, error)
      }
      await turn()
    }
    this.running = false
  }

  /** The first windows of a lane, as many as fit into one step. */
  private next(lane: Piece[], encoder: SentenceEncoder): Piece[] {
    const taken: Piece[] = []
    let longest = 0
    for (;;) {
      const [first] = lane
      if (!first) return taken
      if (!first.window) {
        const windows = encoder.windowsOf(first.text)
        first.job.left[first.index] = windows.length
        first.job.tokens += windows.reduce((sum, window) => sum + window.length, 0)
        lane.splice(0, 1, ...windows.map((window) => ({ ...first, window })))
        continue
      }
      longest = Math.max(longest, first.window.length)
      if (taken.length > 0 && (taken.length + 1) * longest > stepTokens) return taken
      taken.push(first)
      lane.shift()
    }
  }

  private take({ job, index }: Piece, vector: Float32Array): void {
    const sum = job.sums[index]
    job.sums[index] = sum ? sum.map((value, at) => value + (vector[at] as number)) : vector
    job.left[index] = (job.left[index] ?? 1) - 1
    if (job.left[index] > 0) return
    job.unfinished -= 1
    if (job.unfinished === 0) job.resolve({ vectors: (job.sums as Float32Array[]).map(unit), tokens: job.tokens })
  }
}
