import type { Kind } from './state.ts'

const nouns: Record<Kind | 'message', string> = {
  agent: 'agents',
  archive: 'archives',
  block: 'blocks',
  conversation: 'conversations',
  file: 'files',
  folder: 'folders',
  group: 'groups',
  identity: 'identities',
  mcp_server: 'MCP servers',
  message: 'messages',
  passage: 'passages',
  tool: 'tools',
}
export type Counted = keyof typeof nouns

const count = (counts: Map<Counted, number>, what: Counted, n: number): void => {
  if (n > 0) counts.set(what, (counts.get(what) ?? 0) + n)
}

/** What happened, for the end of the run. */
export class Report {
  readonly #moved = new Map<Counted, number>()
  readonly #known = new Map<Counted, number>()
  readonly skipped: string[] = []
  readonly failed: string[] = []
  readonly byHand = new Set<string>()

  moved = (what: Counted, n = 1): void => count(this.#moved, what, n)
  /** It was there from an earlier run. */
  known = (what: Counted, n = 1): void => count(this.#known, what, n)
  skip = (line: string): void => void (this.skipped.includes(line) || this.skipped.push(line))
  fail = (line: string): void => void this.failed.push(line)
  /** What the user has to set at the target. */
  todo = (line: string): void => void this.byHand.add(line)

  get anyMoved(): boolean {
    return this.#moved.size > 0
  }

  text(dryRun: boolean): string {
    const counts = (map: Map<Counted, number>) => [...map].map(([what, n]) => `  ${String(n).padStart(7)}  ${nouns[what]}`)
    const list = (title: string, lines: Iterable<string>) => {
      const all = [...lines]
      return all.length > 0 ? ['', title, ...all.map((line) => `  - ${line}`)] : []
    }
    const title = dryRun ? 'Would be moved:' : 'Moved:'
    const nothing =
      this.#known.size > 0 ? 'Nothing to do: everything was moved by an earlier run.' : 'Nothing to do: the source has nothing to move.'
    return [
      ...(this.anyMoved ? [title, ...counts(this.#moved)] : this.failed.length > 0 ? ['Nothing was moved.'] : [nothing]),
      ...(this.#known.size > 0 ? ['', 'There already:', ...counts(this.#known)] : []),
      ...list('Left out:', this.skipped),
      ...list('To be set by hand:', this.byHand),
      ...list('Failed:', this.failed),
    ].join('\n')
  }
}

/** How far the run is: one line that is drawn anew on a terminal, plain lines elsewhere. */
export class Progress {
  #shown = false
  #last = 0
  readonly #out: { write(text: string): unknown; isTTY?: boolean; columns?: number }

  constructor(out: { write(text: string): unknown; isTTY?: boolean; columns?: number }) {
    this.#out = out
  }

  step(what: string, done: number, total: number): void {
    if (!this.#out.isTTY) {
      if (done === total || done % 100 === 0) this.#out.write(`${what}: ${done} of ${total}\n`)
      return
    }
    if (done < total && Date.now() - this.#last < 50) return
    this.#last = Date.now()
    const width = 24
    const filled = total > 0 ? Math.round((done / total) * width) : width
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`
    this.#out.write(`\r\x1b[2K${what.padEnd(14)} ${bar} ${done}/${total}`.slice(0, (this.#out.columns ?? 80) + 6))
    this.#shown = true
    if (done === total) this.clear('\n')
  }

  clear(end = '\r\x1b[2K'): void {
    if (this.#shown) this.#out.write(end)
    this.#shown = false
  }
}
