import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { createOnce } from '../../db/once'
import { listPage } from '../../db/page'
import { repository } from '../../db/repository'
import { type Row, readRow } from '../../db/rows'
import { statement } from '../../db/statement'
import { AppError, notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import { disowned, dropObjects } from '../files/objects'
import { nameWithin } from '../files/service'
import { assertSameModel, embeddingOf } from '../indexes/embedding-config'
import { pokeIndex } from '../indexes/poke'
import { sourcePassages } from '../passages/table'
import { withoutFileToolsOfLast } from '../tools/of-folders'
import type { FolderCreate, FolderFilters, FolderStats, FolderUpdate } from './schema'
import { folders, foldersAgents } from './table'

export type FolderRow = Row<typeof folders>

const rows = repository(folders, 'Folder')
const agentRows = repository(agents, 'Agent')

const matching = ({ name }: FolderFilters): SQL | undefined => (name === undefined ? undefined : eq(folders.name, name))

const nameTaken = (name: string) =>
  new AppError('conflict', `A folder named '${name}' exists already. Choose another name.`, { code: 'name_taken' })

const unlessTaken = <T>(name: string, work: () => Promise<T>): Promise<T> =>
  explained(work, ({ kind }) => (kind === 'unique' ? nameTaken(name) : undefined))

/** What is there of an input: null means "leave it", as in the Letta API. */
const given = <I extends object>(input: I) =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined)) as {
    [K in keyof I]?: NonNullable<I[K]>
  }

/** The embedding model of a new folder, and how long its passages are. */
async function embeddingOfNew(ctx: Ctx, input: FolderCreate) {
  const { embedding, embedding_config } = await embeddingOf(ctx.env, ctx.actor.organization_id, input)
  const chunks = input.embedding_chunk_size ? { embedding_chunk_size: input.embedding_chunk_size } : {}
  return { embedding, embedding_config: { ...embedding_config, ...chunks } }
}

/** Statements that carry a new name of a folder into the names of its files. */
const renameFiles = (d1: D1Database, folderId: string, organizationId: string, now: number): D1PreparedStatement[] =>
  ['files', 'files_agents', 'source_passages'].map((table) =>
    d1
      .prepare(
        `update ${table} set updated_at = ?3, file_name = s.name || substr(file_name, length(rtrim(file_name, replace(file_name, '/', ''))))
          from sources s where s.id = ?1 and s.organization_id = ?2 and ${table}.source_id = s.id`,
      )
      .bind(folderId, organizationId, now),
  )

export const folderService = {
  list: (ctx: Ctx, query: FolderFilters & Page): Promise<FolderRow[]> => rows.list(ctx, query, matching(query)),
  count: (ctx: Ctx, filters: FolderFilters): Promise<number> => rows.count(ctx, matching(filters)),
  get: (ctx: Ctx, id: string): Promise<FolderRow> => rows.get(ctx, id),

  async idByName(ctx: Ctx, name: string): Promise<string> {
    const [folder] = await ctx.db
      .select({ id: folders.id })
      .from(folders)
      .where(rows.owned(ctx, eq(folders.name, name)))
      .limit(1)
    if (!folder) throw notFound('Folder', name)
    return folder.id
  },

  create(ctx: Ctx, input: FolderCreate): Promise<FolderRow> {
    const make = (id: string) =>
      unlessTaken(input.name, async () =>
        rows.create(ctx, {
          id,
          name: input.name,
          description: input.description ?? null,
          instructions: input.instructions ?? null,
          metadata: input.metadata ?? {},
          ...(await embeddingOfNew(ctx, input)),
        }),
      )
    return createOnce(ctx, 'source', make, (id) => rows.get(ctx, id))
  },

  /**
   * Changes a folder; a new name is in the names of its files in the same transaction. Throws 409 for another embedding model than the one
   * that is in use.
   */
  async update(ctx: Ctx, id: string, input: FolderUpdate): Promise<FolderRow> {
    const change = given(input)
    if (change.embedding_config) assertSameModel(await rows.get(ctx, id), change, `/v1/folders/${id}`)
    if (change.name === undefined) return rows.update(ctx, id, change)
    await rows.get(ctx, id)
    const d1 = ctx.env.DB
    const { organization_id, user_id } = ctx.actor
    const set = ctx.db
      .update(folders)
      .set({ ...change, last_updated_by_id: user_id })
      .where(rows.owned(ctx, eq(folders.id, id)))
    await unlessTaken(change.name, () => d1.batch([statement(d1, set), ...renameFiles(d1, id, organization_id, Date.now())]))
    return rows.get(ctx, id)
  },

  /**
   * Deletes a folder with its files, their texts and passages, and its places in agents, in one batch; then the objects. Agents that had no
   * other folder lose the tools for files.
   */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const d1 = ctx.env.DB
    const values = [id, ctx.actor.organization_id]
    const [, objects, deleted] = await d1.batch<{ object_key: string }>([
      withoutFileToolsOfLast(ctx, id),
      disowned(d1, 'source_id = ?1 and organization_id = ?2', values),
      d1.prepare('delete from sources where id = ?1 and organization_id = ?2 and is_deleted = 0 returning id').bind(...values),
    ])
    if (!deleted?.results.length) throw notFound('Folder', id)
    ctx.later(pokeIndex(ctx.env, ctx.actor.organization_id))
    await dropObjects(
      ctx.env,
      (objects?.results ?? []).map((row) => row.object_key),
    )
  },

  /** Ids of the agents that have the folder. */
  async agentIds(ctx: Ctx, id: string, page: Page): Promise<string[]> {
    await rows.get(ctx, id)
    const having = ctx.db.select({ id: foldersAgents.agent_id }).from(foldersAgents).where(eq(foldersAgents.source_id, id))
    const found = await ctx.db
      .select({ id: agents.id, created_at: agents.created_at })
      .from(agents)
      .where(agentRows.owned(ctx, sql`${agents.id} in ${having}`))
    return pageRows(found.sort(byAge), page).map((agent) => agent.id)
  },

  async passages(ctx: Ctx, id: string, page: Page) {
    await rows.get(ctx, id)
    // The `+` keeps the organization's index out of the plan: the folder's has the order.
    const where = and(
      eq(sourcePassages.source_id, id),
      sql`+${sourcePassages.organization_id} = ${ctx.actor.organization_id}`,
      eq(sourcePassages.is_deleted, false),
    )
    const found = await listPage(ctx.db, sourcePassages, { by: sourcePassages.created_at, id: sourcePassages.id }, page, where)
    return found.map((row) => ({ ...row, archive_id: null, embedding: null, file_name: nameWithin(row.file_name) }))
  },

  /** How many folders, files and bytes the organization has; each of them when `detailed`. */
  async stats(ctx: Ctx, detailed: boolean): Promise<FolderStats> {
    const d1 = ctx.env.DB
    const { organization_id } = ctx.actor
    const [totals, sources, files] = await d1.batch<Record<string, unknown>>([
      d1
        .prepare(
          `select (select count(*) from sources where organization_id = ?1 and is_deleted = 0) as total_sources,
            count(*) as total_files, coalesce(sum(file_size), 0) as total_size from files where organization_id = ?1 and is_deleted = 0`,
        )
        .bind(organization_id),
      ...(detailed
        ? ['sources', 'files'].map((table) =>
            d1
              .prepare(`select * from ${table} where organization_id = ?1 and is_deleted = 0 order by created_at, id`)
              .bind(organization_id),
          )
        : []),
    ])
    const ofFolder = Map.groupBy(files?.results ?? [], (file) => file.source_id)
    const sized = (file: Record<string, unknown>) => ({
      file_id: file.id as string,
      file_name: nameWithin(file.file_name as string | null),
      file_size: file.file_size as number | null,
    })
    return {
      ...(totals?.results[0] as Omit<FolderStats, 'sources'>),
      sources: (sources?.results ?? []).map((raw) => {
        const { id, name } = readRow(folders, raw)
        const own = (ofFolder.get(id) ?? []).map(sized)
        return {
          source_id: id,
          source_name: name,
          file_count: own.length,
          total_size: own.reduce((sum, file) => sum + (file.file_size ?? 0), 0),
          files: own,
        }
      }),
    }
  },
}
