import { z } from 'zod'

/** An empty query value, which the SDKs send for `null`, means "not given". */
export const blankAsAbsent = <S extends z.ZodType>(schema: S) => z.preprocess((v) => (v === '' ? undefined : v), schema)

/**
 * Paging of every list. Cursors are ids. `after` and `before` are relative to the requested order; a page that is empty ends
 * the list. With `before` alone the page holds the rows nearest to the cursor.
 */
export const pageQuery = (defaults: { limit?: number; order?: 'asc' | 'desc' } = {}) =>
  z.object({
    limit: blankAsAbsent(
      z.coerce
        .number()
        .int()
        .min(1)
        .max(1000)
        .default(defaults.limit ?? 50),
    ).describe('Rows in a page, 1 to 1000.'),
    before: blankAsAbsent(z.string().optional()).describe('Id of the row that the page ends before, in the requested order.'),
    after: blankAsAbsent(z.string().optional()).describe('Id of the row that the page starts after, in the requested order.'),
    order: blankAsAbsent(z.enum(['asc', 'desc']).default(defaults.order ?? 'desc')).describe('Sort direction.'),
    order_by: blankAsAbsent(z.enum(['created_at']).optional()).describe('Column to sort by.'),
  })

export interface Page {
  limit: number
  before?: string | undefined
  after?: string | undefined
  order: 'asc' | 'desc'
}
