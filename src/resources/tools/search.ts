import type { z } from 'zod'
import type { Ctx } from '../../context'
import { foundByWords, matchQuery } from '../../db/fts'
import { type Row, readRow } from '../../db/rows'
import type { Fused } from '../../retrieval/fuse'
import { oweTools } from '../indexes/enqueue'
import { hybrid } from '../indexes/hybrid'
import { defaultModels } from '../indexes/models'
import type { ToolSearch, ToolSearchResult } from './schema'
import { ensureBuiltinTools } from './service'
import { tools } from './table'

/** Tools whose embedding a search makes itself: the built-in ones and as many again, so that even the first search knows them. */
const embeds = 100

const wanted = `x.organization_id = ?1 and x.is_deleted = 0
  and (?2 is null or x.tool_type in (select value from json_each(?2)))
  and (?3 is null or exists (select 1 from json_each(x.tags) where value in (select value from json_each(?3))))`

const byWords = `select x.id, f.rowid as row, f.rank from tools_fts f cross join tools x on x.rowid = f.rowid
  where tools_fts match ?4 and ${wanted} order by f.rank limit ?5`
const newest = `select x.* from tools x where ${wanted} order by x.created_at desc, x.id desc limit ?4`
const those = 'select x.* from tools x where x.id in (select value from json_each(?1)) and x.is_deleted = 0'

/** The organization as a phrase of the index beside the words, so that entries of others are not even looked at. */
const within = (organizationId: string, words: string): string =>
  `organization_id : "${organizationId}" AND {name description tags} : (${words})`

const list = (values: string[] | null | undefined): string | null => (values?.length ? JSON.stringify(values) : null)

const result = (tool: Row<typeof tools>, found: Fused | null): ToolSearchResult => ({
  tool,
  embedded_text: [tool.name, tool.description, tool.tags.join(', ')].filter(Boolean).join('\n'),
  fts_rank: found?.fts_rank ?? null,
  vector_rank: found?.vector_rank ?? null,
  combined_score: found?.rrf_score ?? 0,
})

/**
 * Tools by what their name, description and tags say, best match first; without a query the newest ones. Throws `bad_request` for a search
 * by meaning where there is no embedding model.
 */
export async function searchTools(ctx: Ctx, request: z.output<typeof ToolSearch>): Promise<ToolSearchResult[]> {
  const { search_mode, tags, tool_types, limit } = request
  await ensureBuiltinTools(ctx)
  const { organization_id } = ctx.actor
  const query = request.query?.trim() ? request.query : null
  const params = [organization_id, list(tool_types), list(tags)]
  const d1 = ctx.env.DB
  const read = async (sql: string, ...values: unknown[]) =>
    (
      await d1
        .prepare(sql)
        .bind(...values)
        .all<Record<string, unknown>>()
    ).results.map((raw) => readRow(tools, raw))
  if (query === null) return (await read(newest, ...params, limit)).map((tool) => result(tool, null))
  const mode = search_mode ?? 'hybrid'
  const models = defaultModels(ctx.env)
  if (mode !== 'fts' && models[0] !== undefined) await oweTools(d1, organization_id, models[0])
  const found = await hybrid(ctx.env, {
    within: { organization_id, kind: 'tool', namespaces: [organization_id], where: wanted, params, filter: {}, exact: false, embeds },
    models,
    query,
    mode,
    limit,
    async byWords(most, terms) {
      const words = matchQuery(query)
      if (words === null) return []
      return foundByWords(d1, {
        index: 'tools_fts',
        within: '{name description tags}',
        ranked: byWords,
        values: [...params, within(organization_id, words), most],
        terms,
      })
    },
  })
  const rows = new Map((await read(those, JSON.stringify(found.map(({ id }) => id)))).map((tool) => [tool.id, tool]))
  return found.flatMap((each) => {
    const tool = rows.get(each.id)
    return tool ? [result(tool, each)] : []
  })
}
