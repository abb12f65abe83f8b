import { eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { repository } from '../../../db/repository'
import { notFound } from '../../../lib/errors'
import { agents } from '../table'

const rows = repository(agents, 'Agent')

/** Throws 404 when the agent is not there. */
export async function assertAgent(ctx: Ctx, id: string): Promise<void> {
  const [found] = await ctx.db
    .select({ id: agents.id })
    .from(agents)
    .where(rows.owned(ctx, eq(agents.id, id)))
    .limit(1)
  if (!found) throw notFound('Agent', id)
}
