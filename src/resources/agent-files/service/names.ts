/** Names of things in a file: `<kind>-<n>`, counted from 0 in the order in which they are first named. */
export class FileNames {
  readonly #names = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  /** The name of an id, given when it is asked for the first time. */
  of(kind: string, id: string): string {
    const known = this.#names.get(id)
    if (known) return known
    const name = this.next(kind)
    this.#names.set(id, name)
    return name
  }

  /** A name for something that nothing refers to. */
  next(kind: string): string {
    const n = this.#counts.get(kind) ?? 0
    this.#counts.set(kind, n + 1)
    return `${kind}-${n}`
  }

  /** The names of those ids that have one. */
  known(ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.#names.get(id) ?? [])
  }
}
