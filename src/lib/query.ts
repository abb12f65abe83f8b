import { z } from 'zod'
import { blankAsAbsent } from './page'
import { dayMs, type Millis } from './time'

const words: Record<string, boolean> = { true: true, '1': true, false: false, '0': false }
const word = (v: unknown) => (v === '' ? undefined : typeof v === 'string' ? (words[v.toLowerCase()] ?? v) : v)

/** A text in a query string; empty means "not given". */
export const queryText = (description: string) => blankAsAbsent(z.string().optional()).describe(description)

/** A boolean in a query string: `true`, `false`, `1` or `0`; empty means "not given". */
export const queryFlag = (description: string) => z.preprocess(word, z.boolean().optional()).describe(description)

/** A list in a query string: the key repeated. Empty items are dropped; no item left means "not given". */
export const queryList = <S extends z.ZodType>(item: S, description: string) =>
  z
    .preprocess((v) => {
      const given = (Array.isArray(v) ? v : [v]).filter((text) => text !== undefined && text !== '')
      return given.length === 0 ? undefined : given
    }, z.array(item).optional())
    .describe(description)

const dateOnly = /^\d{4}-\d{2}-\d{2}$/

/** An ISO-8601 date (`2026-01-31`) or instant (`2026-01-31T12:00:00Z`). */
export const isoText = (description: string) =>
  z
    .string()
    .refine((text) => /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text)), 'must be an ISO-8601 date or instant')
    .describe(description)

/** The instant of an `isoText` in milliseconds. A date alone is its first millisecond (UTC), or its last as the end of a range. */
export const instantOf = (text: string, edge: 'start' | 'end' = 'start'): Millis =>
  Date.parse(text) + (edge === 'end' && dateOnly.test(text) ? dayMs - 1 : 0)
