import { and, asc, eq, or } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { anyOf, repository } from '../../../db/repository'
import type { Row } from '../../../db/rows'
import { byAge } from '../../../lib/page-rows'
import { agentSecrets, agents, agentsTags } from '../../agents/table'
import { withTags } from '../../blocks/read'
import { blocksOfAgents } from '../../blocks/service'
import { blocks } from '../../blocks/table'
import { files, filesAgents } from '../../files/table'
import { folders, foldersAgents } from '../../folders/table'
import { groups, groupsAgents, groupsBlocks } from '../../groups/table'
import { mcpServers, mcpTools } from '../../mcp-servers/table'
import { toolsOfAgents } from '../../tools/service'

export type AgentRow = Row<typeof agents>
const agentRows = repository(agents, 'Agent')
const blockRows = repository(blocks, 'Block')

/** Everything of an export but messages and texts of files, each read once for all agents. */
export interface Gathered {
  agents: AgentRow[]
  groups: (Row<typeof groups> & { agent_ids: string[]; block_ids: string[] })[]
  blocks: Awaited<ReturnType<typeof blocksOfAgents>>
  /** Blocks of a group that none of its agents has. */
  sharedBlocks: Awaited<ReturnType<typeof withTags<Row<typeof blocks>>>>
  tools: Awaited<ReturnType<typeof toolsOfAgents>>
  tags: Map<string, string[]>
  secrets: Map<string, string[]>
  attachments: Map<string, Row<typeof filesAgents>[]>
  folderIds: Map<string, string[]>
  folders: Row<typeof folders>[]
  files: Row<typeof files>[]
  servers: Row<typeof mcpServers>[]
  /** The MCP server of each tool that has one. */
  serverOfTool: Map<string, string>
}

const byAgent = <T extends { agent_id: string }, U>(rows: T[], as: (row: T) => U): Map<string, U[]> =>
  new Map([...Map.groupBy(rows, (row) => row.agent_id)].map(([id, own]) => [id, own.map(as)]))

/** The groups that an agent manages, with their members in order. */
async function groupsOf(ctx: Ctx, agentId: string): Promise<Gathered['groups']> {
  const found = await ctx.db
    .select()
    .from(groups)
    .where(and(eq(groups.manager_agent_id, agentId), eq(groups.organization_id, ctx.actor.organization_id), eq(groups.is_deleted, false)))
    .orderBy(asc(groups.created_at), asc(groups.id))
  if (found.length === 0) return []
  const ids = found.map((group) => group.id)
  const [members, shared] = await Promise.all([
    ctx.db.select().from(groupsAgents).where(anyOf(groupsAgents.group_id, ids)).orderBy(asc(groupsAgents.position)),
    ctx.db.select().from(groupsBlocks).where(anyOf(groupsBlocks.group_id, ids)),
  ])
  return found.map((group) => ({
    ...group,
    agent_ids: members.filter((row) => row.group_id === group.id).map((row) => row.agent_id),
    block_ids: shared.filter((row) => row.group_id === group.id).map((row) => row.block_id),
  }))
}

/** Folders that the agents have, and their files; also files that an agent has without the folder. */
async function foldersOf(ctx: Ctx, ids: string[]): Promise<Pick<Gathered, 'attachments' | 'folderIds' | 'folders' | 'files'>> {
  const mine = eq(filesAgents.organization_id, ctx.actor.organization_id)
  const [attached, links] = await Promise.all([
    ctx.db
      .select()
      .from(filesAgents)
      .where(and(anyOf(filesAgents.agent_id, ids), mine, eq(filesAgents.is_deleted, false)))
      .orderBy(asc(filesAgents.created_at), asc(filesAgents.id)),
    ctx.db.select().from(foldersAgents).where(anyOf(foldersAgents.agent_id, ids)),
  ])
  links.sort((a, b) => (a.created_at + a.source_id < b.created_at + b.source_id ? -1 : 1))
  const sourceIds = [...new Set([...links.map((row) => row.source_id), ...attached.map((row) => row.source_id)])]
  if (sourceIds.length === 0) return { attachments: new Map(), folderIds: new Map(), folders: [], files: [] }
  const fileIds = attached.map((row) => row.file_id)
  const linked = links.map((row) => row.source_id)
  const [foundFolders, foundFiles] = await Promise.all([
    ctx.db
      .select()
      .from(folders)
      .where(and(anyOf(folders.id, sourceIds), eq(folders.organization_id, ctx.actor.organization_id), eq(folders.is_deleted, false)))
      .orderBy(asc(folders.created_at), asc(folders.id)),
    ctx.db
      .select()
      .from(files)
      .where(and(or(anyOf(files.source_id, linked), anyOf(files.id, fileIds)), eq(files.is_deleted, false))),
  ])
  const there = new Set(foundFiles.map((file) => file.id))
  const alive = new Set(foundFolders.map((folder) => folder.id))
  return {
    attachments: byAgent(
      attached.filter((row) => there.has(row.file_id)),
      (row) => row,
    ),
    folderIds: byAgent(
      links.filter((row) => alive.has(row.source_id)),
      (row) => row.source_id,
    ),
    folders: foundFolders,
    files: foundFiles.filter((file) => alive.has(file.source_id)).sort(byAge),
  }
}

async function serversOf(ctx: Ctx, toolIds: string[]): Promise<Pick<Gathered, 'servers' | 'serverOfTool'>> {
  if (toolIds.length === 0) return { servers: [], serverOfTool: new Map() }
  const { organization_id } = ctx.actor
  const links = await ctx.db
    .select({ tool_id: mcpTools.tool_id, server_id: mcpTools.mcp_server_id })
    .from(mcpTools)
    .where(and(anyOf(mcpTools.tool_id, toolIds), eq(mcpTools.organization_id, organization_id), eq(mcpTools.is_deleted, false)))
  if (links.length === 0) return { servers: [], serverOfTool: new Map() }
  const servers = await ctx.db
    .select()
    .from(mcpServers)
    .where(
      and(
        anyOf(mcpServers.id, [...new Set(links.map((link) => link.server_id))]),
        eq(mcpServers.organization_id, organization_id),
        eq(mcpServers.is_deleted, false),
      ),
    )
  const alive = new Set(servers.map((server) => server.id))
  return {
    servers,
    serverOfTool: new Map(links.filter((link) => alive.has(link.server_id)).map((link) => [link.tool_id, link.server_id])),
  }
}

/** Reads an agent, the agents of the groups that it manages, and all that belongs to them. Throws 404 when the agent is not there. */
export async function gather(ctx: Ctx, agentId: string): Promise<Gathered> {
  const main: AgentRow = await agentRows.get(ctx, agentId)
  const managed = await groupsOf(ctx, agentId)
  const members: AgentRow[] = await agentRows.getMany(
    ctx,
    [...new Set(managed.flatMap((group) => group.agent_ids))].filter((id) => id !== agentId),
  )
  const rows = [main, ...members]
  const ids = rows.map((row) => row.id)
  const there = new Set(ids)
  const [ofBlocks, ofTools, tags, secrets, ofFolders] = await Promise.all([
    blocksOfAgents(ctx, ids),
    toolsOfAgents(ctx, ids),
    ctx.db.select().from(agentsTags).where(anyOf(agentsTags.agent_id, ids)),
    ctx.db
      .select({ agent_id: agentSecrets.agent_id, key: agentSecrets.key })
      .from(agentSecrets)
      .where(and(anyOf(agentSecrets.agent_id, ids), eq(agentSecrets.is_deleted, false))),
    foldersOf(ctx, ids),
  ])
  const known = new Set([...ofBlocks.values()].flatMap((own) => own.map((block) => block.id)))
  const others = [...new Set(managed.flatMap((group) => group.block_ids))].filter((id) => !known.has(id))
  const sharedBlocks = await withTags(ctx, (await blockRows.getMany(ctx, others)) as Row<typeof blocks>[])
  for (const block of sharedBlocks) known.add(block.id)
  const servers = await serversOf(
    ctx,
    [...ofTools.values()].flatMap((own) => own.map((tool) => tool.id)),
  )
  return {
    agents: rows,
    groups: managed.map((group) => ({
      ...group,
      agent_ids: group.agent_ids.filter((id) => there.has(id)),
      block_ids: group.block_ids.filter((id) => known.has(id)),
    })),
    blocks: ofBlocks,
    sharedBlocks,
    tools: ofTools,
    tags: byAgent(tags, (row) => row.tag),
    secrets: byAgent(secrets, (row) => row.key),
    ...ofFolders,
    ...servers,
  }
}
