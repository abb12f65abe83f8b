import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'

export type Kind =
  | 'agent'
  | 'archive'
  | 'block'
  | 'conversation'
  | 'file'
  | 'folder'
  | 'group'
  | 'identity'
  | 'mcp_server'
  | 'passage'
  | 'tool'

interface Entry {
  kind: Kind
  source: string
  /** The id at the target; null: begun, and perhaps made. */
  target: string | null
  done: boolean
}

/**
 * What was moved, in a file of one JSON line each, synced before anything goes on: a run that is cut off at any instant is taken up by the
 * next. The first line says between which servers.
 */
export class State {
  readonly #file: string
  readonly #entries = new Map<string, Entry>()
  #descriptor: number | null = null

  constructor(file: string, between: { from: string; to: string }, readonly: boolean) {
    this.#file = file
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
    // A line that was being written when the run was cut off is no JSON, and says nothing.
    const read = lines.flatMap((line) => {
      try {
        return [JSON.parse(line)]
      } catch {
        return []
      }
    })
    const [head, ...entries] = read
    if (head && (head.from !== between.from || head.to !== between.to))
      throw new Error(`${file} is about moving from ${head.from} to ${head.to}. Name another file with --state.`)
    for (const entry of entries as Entry[]) this.#entries.set(`${entry.kind} ${entry.source}`, entry)
    if (readonly) return
    this.#descriptor = openSync(file, 'a', 0o600)
    if (lines.length > 0 && lines.at(-1) !== '') writeSync(this.#descriptor, '\n')
    if (!head) this.#append(between)
  }

  get file(): string {
    return this.#file
  }

  #append(lines: object | object[]): void {
    if (this.#descriptor === null) return
    writeSync(
      this.#descriptor,
      [lines]
        .flat()
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    )
    fsyncSync(this.#descriptor)
  }

  #set(kind: Kind, source: string, target: string | null, done: boolean): void {
    const entry = { kind, source, target, done }
    this.#entries.set(`${kind} ${source}`, entry)
    this.#append(entry)
  }

  /** Notes that something is about to be made, or that it is made but not complete. */
  begin = (kind: Kind, source: string, target: string | null = null): void => this.#set(kind, source, target, false)
  finish = (kind: Kind, source: string, target: string): void => this.#set(kind, source, target, true)

  /** The same for many things at once, with one write. */
  finishAll(kind: Kind, sources: string[], target: string): void {
    const entries = sources.map((source): Entry => ({ kind, source, target, done: true }))
    for (const entry of entries) this.#entries.set(`${kind} ${entry.source}`, entry)
    this.#append(entries)
  }

  isDone = (kind: Kind, source: string): boolean => this.#entries.get(`${kind} ${source}`)?.done === true
  isBegun = (kind: Kind, source: string): boolean => this.#entries.has(`${kind} ${source}`)

  /** What something of the source is called at the target; undefined when it was not moved. */
  target = (kind: Kind, source: string): string | undefined => this.#entries.get(`${kind} ${source}`)?.target ?? undefined

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor)
    this.#descriptor = null
  }
}
