import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { anyOf, repository } from '../../db/repository'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { byAge, pageRows } from '../../lib/page-rows'
import { agents } from '../agents/table'
import { openView, storedTexts } from '../files/contents'
import { addFiles, closeOverLimit, defaultMaxOpen, defaultViewLimit, type Opening, openFiles } from '../files/open'
import { toolsForFirstFolder, withoutFileTools, withoutFileToolsOfLast } from '../tools/of-folders'
import type { FolderRow } from './service'
import { folders, foldersAgents } from './table'

const agentRows = repository(agents, 'Agent')
const folderRows = repository(folders, 'Folder')

/** An agent that gets folders: how many files it may have open, and how much of each it sees. */
export interface Holder {
  id: string
  max_files_open?: number | null
  per_file_view_window_char_limit?: number | null
}

/** The folders of these ids, each once. Throws 404 naming the first that is not there. */
export async function foldersByIds(ctx: Ctx, ids: readonly string[]): Promise<FolderRow[]> {
  const wanted = [...new Set(ids)]
  const found = await folderRows.getMany(ctx, wanted)
  const missing = wanted.find((id) => !found.some((row) => row.id === id))
  if (missing !== undefined) throw notFound('Folder', missing)
  return found
}

/** Texts that are read at once while files are opened. */
const readAtOnce = 16

/** The newest files of folders that an agent does not have yet, as it would see them, as many as it may have open; the newest last. */
async function newestFiles(ctx: Ctx, holder: Holder, folderIds: string[]): Promise<Opening[]> {
  const most = holder.per_file_view_window_char_limit ?? defaultViewLimit
  const { results } = await ctx.env.DB.prepare(
    `select f.id from json_each(?2) folder join files f on f.source_id = folder.value join file_contents c on c.file_id = f.id and c.lines is not null
      where +f.organization_id = ?3 and f.is_deleted = 0
        and not exists (select 1 from files_agents fa where fa.file_id = f.id and fa.agent_id = ?1 and fa.is_deleted = 0)
      order by f.created_at desc, f.id desc limit ?4`,
  )
    .bind(holder.id, JSON.stringify(folderIds), ctx.actor.organization_id, holder.max_files_open ?? defaultMaxOpen)
    .all<{ id: string }>()
  const ids = results.map((row) => row.id).reverse()
  const openings: Opening[] = []
  for (let from = 0; from < ids.length; from += readAtOnce) {
    const some = ids.slice(from, from + readAtOnce)
    const texts = await storedTexts(ctx.env, some, most)
    for (const file_id of some) {
      const stored = texts.get(file_id)
      if (stored) openings.push({ file_id, ...(await openView(ctx.env, stored, most)) })
    }
  }
  return openings
}

/**
 * Statements that attach folders to an agent, for use inside a bigger batch that gives it the tools for them. The newest of their files are open afterwards, as far as the
 * agent's limit allows, then those that were used last; the rest is closed. Folders and files that the agent has already stay as they are.
 */
export async function attachFolders(ctx: Ctx, holder: Holder, folderIds: string[]): Promise<D1PreparedStatement[]> {
  if (folderIds.length === 0) return []
  const d1 = ctx.env.DB
  const { organization_id } = ctx.actor
  const openings = await newestFiles(ctx, holder, folderIds)
  const now = Date.now()
  return [
    d1
      .prepare(
        `insert into sources_agents (agent_id, source_id, created_at)
          select ?1, s.id, ?4 from json_each(?3) given join sources s on s.id = given.value and s.organization_id = ?2 and s.is_deleted = 0
          where exists (select 1 from agents where id = ?1 and organization_id = ?2 and is_deleted = 0)
          on conflict do nothing`,
      )
      .bind(holder.id, organization_id, JSON.stringify(folderIds), now),
    addFiles(d1, organization_id, holder.id, folderIds, now),
    ...openFiles(d1, holder.id, openings, now),
  ]
}

/**
 * Statements that make folders those of an agent, with their files, for use inside a bigger batch. The first folder brings the tools for files,
 * the last one takes them away.
 */
export async function replaceFolders(ctx: Ctx, holder: Holder, folderIds: string[]): Promise<D1PreparedStatement[]> {
  const d1 = ctx.env.DB
  const attached = await attachFolders(ctx, holder, folderIds)
  // Whether it has folders is asked before those that go are gone: an agent that exchanges them keeps its tools as they are.
  const tools = folderIds.length > 0 ? toolsForFirstFolder(ctx, holder.id, folderIds) : [withoutFileTools(ctx, holder.id)]
  const detached = ['sources_agents', 'files_agents'].map((table) =>
    d1
      .prepare(`delete from ${table} where agent_id = ?1 and source_id not in (select value from json_each(?2))`)
      .bind(holder.id, JSON.stringify(folderIds)),
  )
  return [...tools, ...detached, ...attached]
}

/** Statement that closes what an agent has open beyond its limit, for after the limit was changed. */
export const closeBeyondLimit = (d1: D1Database, agentId: string): D1PreparedStatement =>
  closeOverLimit(d1, 'select ?2', [agentId], Date.now())

/** The folders of each agent, in the order in which they were made. Agents without folders have an empty list. */
export async function foldersOfAgents(ctx: Ctx, agentIds: string[]): Promise<Map<string, FolderRow[]>> {
  const found = new Map<string, FolderRow[]>(agentIds.map((id) => [id, []]))
  if (agentIds.length === 0) return found
  // The `+` keeps the organization's index out of the plan, so that the junction leads and not every folder of the organization.
  const rows = await ctx.db
    .select({ ...getTableColumns(folders), agent_id: foldersAgents.agent_id })
    .from(foldersAgents)
    .innerJoin(folders, eq(folders.id, foldersAgents.source_id))
    .where(
      and(
        anyOf(foldersAgents.agent_id, agentIds),
        sql`+${folders.organization_id} = ${ctx.actor.organization_id}`,
        eq(folders.is_deleted, false),
      ),
    )
  for (const { agent_id, ...row } of rows.sort(byAge)) found.get(agent_id)?.push(row)
  return found
}

/** Folders of one agent. Every verb throws 404 for an agent that is not there. */
export const agentFolderService = {
  async list(ctx: Ctx, agentId: string, page: Page): Promise<FolderRow[]> {
    await agentRows.get(ctx, agentId)
    return pageRows((await foldersOfAgents(ctx, [agentId])).get(agentId) ?? [], page)
  },

  /** Attaches a folder with its files; the first one with the tools for files too. Attached already: nothing happens. */
  async attach(ctx: Ctx, agentId: string, folderId: string): Promise<void> {
    const agent = await agentRows.get(ctx, agentId)
    await folderRows.get(ctx, folderId)
    await ctx.env.DB.batch([...toolsForFirstFolder(ctx, agentId, [folderId]), ...(await attachFolders(ctx, agent, [folderId]))])
  },

  /** Detaches a folder with its files; the last one with the tools for files too. */
  async detach(ctx: Ctx, agentId: string, folderId: string): Promise<void> {
    await agentRows.get(ctx, agentId)
    const d1 = ctx.env.DB
    const guard = 'exists (select 1 from agents where id = ?1 and organization_id = ?3 and is_deleted = 0)'
    const [, detached] = await d1.batch([
      withoutFileToolsOfLast(ctx, folderId, agentId),
      ...['sources_agents', 'files_agents'].map((table) =>
        d1
          .prepare(`delete from ${table} where agent_id = ?1 and source_id = ?2 and ${guard} returning source_id`)
          .bind(agentId, folderId, ctx.actor.organization_id),
      ),
    ])
    if (!detached?.results.length) throw notFound(`Attached to agent '${agentId}', folder`, folderId)
  },
}
