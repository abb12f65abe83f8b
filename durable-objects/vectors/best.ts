/** The highest of the scores that were offered, at most `capacity` of them; of equal scores the lower rows. A heap with the worst on top. */
export class Best {
  readonly #scores: Float64Array
  readonly #rows: Uint32Array
  #size = 0

  constructor(readonly capacity: number) {
    this.#scores = new Float64Array(capacity)
    this.#rows = new Uint32Array(capacity)
  }

  /** What a score must reach to matter. */
  get least(): number {
    return this.#size < this.capacity ? Number.NEGATIVE_INFINITY : (this.#scores[0] as number)
  }

  offer(score: number, row: number): void {
    if (this.#size < this.capacity) {
      this.#set(this.#size, score, row)
      this.#rise(this.#size++)
    } else if (this.#worse(0, score, row)) {
      this.#set(0, score, row)
      this.#sink()
    }
  }

  /** Rows in ascending order. */
  rows(): Uint32Array {
    return this.#rows.slice(0, this.#size).sort()
  }

  /** All of them, the best first. */
  sorted(): { score: number; row: number }[] {
    const all = Array.from({ length: this.#size }, (_, i) => ({ score: this.#scores[i] as number, row: this.#rows[i] as number }))
    return all.sort((a, b) => b.score - a.score || a.row - b.row)
  }

  #set(i: number, score: number, row: number): void {
    this.#scores[i] = score
    this.#rows[i] = row
  }

  /** Whether the entry `i` is worse than this one. */
  #worse(i: number, score: number, row: number): boolean {
    const own = this.#scores[i] as number
    return own < score || (own === score && (this.#rows[i] as number) > row)
  }

  #before(i: number, j: number): boolean {
    return this.#worse(i, this.#scores[j] as number, this.#rows[j] as number)
  }

  #swap(i: number, j: number): void {
    const score = this.#scores[i] as number
    const row = this.#rows[i] as number
    this.#set(i, this.#scores[j] as number, this.#rows[j] as number)
    this.#set(j, score, row)
  }

  #rise(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!this.#before(i, parent)) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #sink(): void {
    for (let i = 0; ; ) {
      let worst = i
      const left = 2 * i + 1
      if (left < this.#size && this.#before(left, worst)) worst = left
      if (left + 1 < this.#size && this.#before(left + 1, worst)) worst = left + 1
      if (worst === i) return
      this.#swap(i, worst)
      i = worst
    }
  }
}
