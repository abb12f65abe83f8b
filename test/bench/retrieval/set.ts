import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Judged } from './measures.ts'

export const kinds = ['keyword', 'paraphrase', 'question', 'mixed'] as const
export type Kind = (typeof kinds)[number]
export type Split = 'dev' | 'test'

export interface Passage {
  id: string
  text: string
}

export interface Query {
  id: string
  kind: Kind
  /** `dev` chooses weights, `test` reports. */
  split: Split
  query: string
  /** Grades by id of passage. */
  judged: Judged
}

const read = <T>(file: string): T[] =>
  readFileSync(fileURLToPath(new URL(file, import.meta.url).href), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T)

/** The judged set: what is searched, and what should be found. */
export const judgedSet = (): { corpus: Passage[]; queries: Query[] } => ({
  corpus: read('./corpus.jsonl'),
  queries: read('./queries.jsonl'),
})
