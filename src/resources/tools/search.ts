import type { z } from 'zod'
import type { Ctx } from '../../context'
import { matchQuery } from '../../db/fts'
import { readRow } from '../../db/rows'
import { AppError } from '../../lib/errors'
import type { ToolSearch, ToolSearchResult } from './schema'
import { ensureBuiltinTools } from './service'
import { tools } from './table'

const narrowed = `t.organization_id = ?1 and t.is_deleted = 0
  and (?2 is null or t.tool_type in (select value from json_each(?2)))
  and (?3 is null or exists (select 1 from json_each(t.tags) where value in (select value from json_each(?3))))`

const byWords = `select t.* from tools_fts f cross join tools t on t.rowid = f.rowid
  where tools_fts match ?5 and ${narrowed} order by f.rank limit ?4`
const byTime = `select t.* from tools t where ${narrowed} order by t.created_at desc, t.id desc limit ?4`

/** The organization as a phrase of the index beside the words, so that entries of others are not even looked at. */
const within = (organizationId: string, words: string): string =>
  `organization_id : "${organizationId}" AND {name description tags} : (${words})`

const list = (values: string[] | null | undefined): string | null => (values?.length ? JSON.stringify(values) : null)

/**
 * The tools whose name, description or tags hold words of the query, best match (BM25) first; without a query the newest ones.
 * Throws a 400 for a search by meaning, for which there are no embeddings.
 */
export async function searchTools(ctx: Ctx, request: z.output<typeof ToolSearch>): Promise<ToolSearchResult[]> {
  const { query, search_mode, tags, tool_types, limit } = request
  if (search_mode === 'vector')
    throw new AppError(
      'bad_request',
      "There are no embeddings of tools, so search_mode 'vector' cannot be served. Use 'fts', or 'hybrid', which then searches by words.",
    )
  await ensureBuiltinTools(ctx)
  const { organization_id } = ctx.actor
  const asked = query?.trim() ? query : null
  const words = asked === null ? null : matchQuery(asked)
  if (asked !== null && words === null) return []
  const common = [organization_id, list(tool_types), list(tags), limit]
  const d1 = ctx.env.DB
  const statement =
    words === null ? d1.prepare(byTime).bind(...common) : d1.prepare(byWords).bind(...common, within(organization_id, words))
  const { results } = await statement.all<Record<string, unknown>>()
  return results.map((raw, i) => {
    const tool = readRow(tools, raw)
    return {
      tool,
      embedded_text: [tool.name, tool.description, tool.tags.join(', ')].filter(Boolean).join('\n'),
      fts_rank: words === null ? null : i + 1,
      vector_rank: null,
      combined_score: words === null ? 0 : 1 / (61 + i),
    }
  })
}
