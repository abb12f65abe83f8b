import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryText } from '../../lib/query'

export const TagQuery = pageQuery({ order: 'asc' }).extend({
  after: queryText('Tag that the page starts after, in the requested order.'),
  before: queryText('Tag that the page ends before, in the requested order.'),
  order_by: blankAsAbsent(z.enum(['name']).optional()).describe('Column to sort by.'),
  name: queryText('Only tags that begin with this text, in any case.'),
  query_text: queryText('Deprecated: the same as `name`.'),
})
