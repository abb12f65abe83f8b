import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { explained } from '../../db/errors'
import { repository } from '../../db/repository'
import { AppError, notFound } from '../../lib/errors'
import { agents } from '../agents/table'
import { archives, archivesAgents } from './table'

const agentRows = repository(agents, 'Agent')
const archiveRows = repository(archives, 'Archive')

/** The archive of an agent, or null, and the time zone that the agent lives in. Throws 404 for an agent that is not there. */
export async function archiveOfAgent(ctx: Ctx, agentId: string): Promise<{ archive_id: string | null; timezone: string }> {
  const [agent] = await ctx.db
    .select({ archive_id: archivesAgents.archive_id, timezone: agents.timezone })
    .from(agents)
    .leftJoin(archivesAgents, eq(archivesAgents.agent_id, agents.id))
    .where(agentRows.owned(ctx, eq(agents.id, agentId)))
  if (!agent) throw notFound('Agent', agentId)
  return agent
}

/** The archive of one agent. Both verbs throw 404 for an agent or an archive that is not there. */
export const agentArchiveService = {
  /** Gives an agent an archive. Its own already: nothing happens. A second one is a conflict. */
  async attach(ctx: Ctx, agentId: string, archiveId: string): Promise<void> {
    await archiveOfAgent(ctx, agentId)
    await archiveRows.get(ctx, archiveId)
    const attach = ctx.env.DB.prepare(
      `insert into archives_agents (agent_id, archive_id, created_at, is_owner)
        select agents.id, archives.id, ?4, 0 from agents join archives on archives.id = ?2 and archives.organization_id = ?3
        where agents.id = ?1 and agents.organization_id = ?3 and agents.is_deleted = 0
          and not exists (select 1 from archives_agents has where has.agent_id = agents.id and has.archive_id = archives.id)`,
    ).bind(agentId, archiveId, ctx.actor.organization_id, Date.now())
    const detail = `Agent '${agentId}' has another archive already, and an agent can have one. Detach that one first.`
    await explained(
      () => attach.run(),
      ({ kind }) => (kind === 'unique' ? new AppError('conflict', detail, { code: 'archive_taken' }) : undefined),
    )
  },

  /** Takes an archive from an agent; its passages stay. Not the agent's: nothing happens. */
  async detach(ctx: Ctx, agentId: string, archiveId: string): Promise<void> {
    await archiveOfAgent(ctx, agentId)
    await archiveRows.get(ctx, archiveId)
    await ctx.db.delete(archivesAgents).where(and(eq(archivesAgents.agent_id, agentId), eq(archivesAgents.archive_id, archiveId)))
  },
}
