import { silence, toModelError } from './errors'

/** What is waited for, and how long it may be silent. */
export interface Waited {
  handle: string
  endpoint: string | null
  timeoutMs: number
  /** A key that no error may repeat. */
  secret?: string | null
}

/** Waits for a provider, but not beyond `timeoutMs` of silence nor after `signal` aborted; either one also aborts the request. */
export class Patience {
  private readonly controller = new AbortController()
  private timer: ReturnType<typeof setTimeout> | undefined
  private interrupt: (reason: unknown) => void = () => {}

  constructor(
    private readonly signal: AbortSignal,
    private readonly target: Waited,
  ) {
    signal.throwIfAborted()
    signal.addEventListener('abort', this.onAbort)
  }

  get abortSignal(): AbortSignal {
    return this.controller.signal
  }

  private readonly onAbort = () => this.stop(this.signal.reason)

  private stop(reason: unknown): void {
    this.controller.abort(reason)
    this.interrupt(reason)
  }

  wait<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.interrupt = reject
      if (this.controller.signal.aborted) reject(this.controller.signal.reason)
      this.timer = setTimeout(() => this.stop(silence(this.target.handle, this.target.timeoutMs)), this.target.timeoutMs)
      work.then(resolve, reject)
    }).finally(() => clearTimeout(this.timer))
  }

  /** What a failure really was: an abort shows up in many disguises. */
  cause(error: unknown): unknown {
    const { handle, endpoint, secret } = this.target
    return this.controller.signal.aborted ? this.controller.signal.reason : toModelError(error, handle, endpoint, secret)
  }

  end(): void {
    clearTimeout(this.timer)
    this.signal.removeEventListener('abort', this.onAbort)
    this.controller.abort()
  }
}
