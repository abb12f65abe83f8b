import { and, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { listPage } from '../../db/page'
import { anyOf, repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import { agents } from '../agents/table'
import { folders } from '../folders/table'
import { openView, storedTexts } from './contents'
import { defaultViewLimit, openFiles } from './open'
import type { AgentFileAttachment, AgentFileQuery, FileBlock, PaginatedAgentFiles } from './schema'
import { fileRows, folderRows } from './service'
import { filesAgents } from './table'

type AgentFileRow = Row<typeof filesAgents>

const agentRows = repository(agents, 'Agent')

/** The files of agents in this organization. The `+` keeps every index but the agent's out of the plan. */
const ofAgents = (ctx: Ctx, agentIds: string[]) =>
  and(
    anyOf(filesAgents.agent_id, agentIds),
    sql`+${filesAgents.organization_id} = ${ctx.actor.organization_id}`,
    eq(filesAgents.is_deleted, false),
  )

/** What an agent sees of a file: its limit may have become lower since it was opened. */
const seen = (row: AgentFileRow, limit: number) => row.visible_content?.slice(0, limit) ?? null

async function attachments(ctx: Ctx, rows: AgentFileRow[], limit: number): Promise<AgentFileAttachment[]> {
  if (rows.length === 0) return []
  const named = await ctx.db
    .select({ id: folders.id, name: folders.name })
    .from(folders)
    .where(folderRows.owned(ctx, anyOf(folders.id, [...new Set(rows.map((row) => row.source_id))])))
  const names = new Map(named.map(({ id, name }) => [id, name]))
  return rows.map((row) => ({
    id: row.id,
    file_id: row.file_id,
    file_name: row.file_name,
    folder_id: row.source_id,
    folder_name: names.get(row.source_id) ?? '',
    is_open: row.is_open,
    last_accessed_at: row.last_accessed_at,
    visible_content: seen(row, limit),
    start_line: row.start_line,
    end_line: row.end_line,
  }))
}

/** A file of an agent as a memory block, which the agent cannot edit. */
const blockOf = (row: AgentFileRow, limit: number): FileBlock => ({
  id: row.id,
  label: row.file_name,
  value: seen(row, limit) ?? '',
  limit,
  description: null,
  read_only: true,
  metadata: {},
  tags: [],
  hidden: null,
  is_template: false,
  template_name: null,
  template_id: null,
  base_template_id: null,
  deployment_id: null,
  entity_id: null,
  project_id: null,
  preserve_on_migration: false,
  created_by_id: row.created_by_id,
  last_updated_by_id: row.last_updated_by_id,
  file_id: row.file_id,
  source_id: row.source_id,
  is_open: row.is_open,
  last_accessed_at: row.last_accessed_at,
})

/** The files of each agent as memory blocks, by name. Agents without files have an empty list. */
export async function fileBlocksOfAgents(
  ctx: Ctx,
  holders: { id: string; per_file_view_window_char_limit: number | null }[],
): Promise<Map<string, FileBlock[]>> {
  const limits = new Map(
    holders.map(({ id, per_file_view_window_char_limit }) => [id, per_file_view_window_char_limit ?? defaultViewLimit]),
  )
  const found = new Map<string, FileBlock[]>([...limits.keys()].map((id) => [id, []]))
  if (found.size === 0) return found
  const rows = await ctx.db
    .select()
    .from(filesAgents)
    .where(ofAgents(ctx, [...found.keys()]))
  rows.sort((a, b) => (a.file_name < b.file_name ? -1 : 1))
  for (const row of rows) found.get(row.agent_id)?.push(blockOf(row, limits.get(row.agent_id) ?? defaultViewLimit))
  return found
}

/** Files of one agent. Every verb throws 404 for an agent that is not there, or a file that it does not have. */
export const agentFileService = {
  async list(ctx: Ctx, agentId: string, query: AgentFileQuery): Promise<PaginatedAgentFiles> {
    const agent = await agentRows.get(ctx, agentId)
    const where = and(
      ofAgents(ctx, [agentId]),
      query.is_open === undefined ? undefined : sql`+${filesAgents.is_open} = ${Number(query.is_open)}`,
    )
    const page = { ...query, after: query.after ?? query.cursor, limit: query.limit + 1 }
    const rows = await listPage(ctx.db, filesAgents, { by: filesAgents.created_at, id: filesAgents.id }, page, where)
    const has_more = rows.length > query.limit
    const backwards = query.before !== undefined && page.after === undefined
    const shown = !has_more ? rows : backwards ? rows.slice(1) : rows.slice(0, query.limit)
    return {
      files: await attachments(ctx, shown, agent.per_file_view_window_char_limit ?? defaultViewLimit),
      next_cursor: has_more ? ((backwards ? shown[0] : shown.at(-1))?.id ?? null) : null,
      has_more,
    }
  },

  /** Opens a file from its start. Answers with the names of those that were closed for it, which were used least recently. */
  async open(ctx: Ctx, agentId: string, fileId: string): Promise<string[]> {
    const agent = await agentRows.get(ctx, agentId)
    await one(ctx, agentId, fileId)
    const most = agent.per_file_view_window_char_limit ?? defaultViewLimit
    const stored = (await storedTexts(ctx.env, [fileId], most)).get(fileId)
    if (!stored) {
      const { processing_status } = await fileRows.get(ctx, fileId)
      throw new AppError(
        'conflict',
        `File '${fileId}' cannot be opened yet: it is being processed (${processing_status}). Try again later.`,
      )
    }
    const view = await openView(ctx.env, stored, most)
    const results = await ctx.env.DB.batch<{ file_name: string }>(
      openFiles(ctx.env.DB, agentId, [{ file_id: fileId, ...view }], Date.now()),
    )
    return results.at(-1)?.results.map((row) => row.file_name) ?? []
  },

  async close(ctx: Ctx, agentId: string, fileId: string): Promise<void> {
    await agentRows.get(ctx, agentId)
    await one(ctx, agentId, fileId)
    await ctx.db
      .update(filesAgents)
      .set(closed)
      .where(and(ofAgents(ctx, [agentId]), eq(filesAgents.file_id, fileId), eq(filesAgents.is_open, true)))
  },

  /** Closes every open file. Answers with their names. */
  async closeAll(ctx: Ctx, agentId: string): Promise<string[]> {
    await agentRows.get(ctx, agentId)
    const rows = await ctx.db
      .update(filesAgents)
      .set(closed)
      .where(and(ofAgents(ctx, [agentId]), eq(filesAgents.is_open, true)))
      .returning({ file_name: filesAgents.file_name })
    return rows.map((row) => row.file_name).sort()
  },
}

const closed = { is_open: false, visible_content: null, start_line: null, end_line: null }

async function one(ctx: Ctx, agentId: string, fileId: string): Promise<AgentFileRow> {
  const [row] = await ctx.db
    .select()
    .from(filesAgents)
    .where(and(ofAgents(ctx, [agentId]), eq(filesAgents.file_id, fileId)))
    .limit(1)
  if (!row) throw notFound(`Attached to agent '${agentId}', file`, fileId)
  return row
}
