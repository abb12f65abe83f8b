import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { assertSameModel, embeddingOf } from '../indexes/embedding-config'
import { pokeIndex } from '../indexes/poke'
import type { ArchiveCreate, ArchiveFilters, ArchiveUpdate } from './schema'
import { archives, archivesAgents } from './table'

export { agentArchiveService, archiveOfAgent } from './attach'

type ArchiveRow = Row<typeof archives>

const rows = repository(archives, 'Archive')

export const archiveService = {
  async list(ctx: Ctx, { agent_id, name, ...page }: ArchiveFilters & Page): Promise<ArchiveRow[]> {
    const links = agent_id ? await ctx.db.select().from(archivesAgents).where(eq(archivesAgents.agent_id, agent_id)) : null
    // An agent has one archive at most; without one, no id matches.
    const ofAgent = links ? eq(archives.id, links[0]?.archive_id ?? '') : undefined
    return rows.list(ctx, page, and(ofAgent, name ? eq(archives.name, name) : undefined))
  },

  get: rows.get,

  create(ctx: Ctx, input: ArchiveCreate): Promise<ArchiveRow> {
    const make = async (id: string) =>
      rows.create(ctx, {
        id,
        name: input.name,
        description: input.description ?? null,
        ...(await embeddingOf(ctx.env, ctx.actor.organization_id, input)),
        metadata: input.metadata ?? {},
      })
    return createOnce(ctx, 'archive', make, (id) => rows.get(ctx, id))
  },

  /** Null means "leave it", as in the Letta API. Throws 409 for another embedding model than the one that is in use. */
  async update(ctx: Ctx, id: string, { embedding, embedding_config, ...input }: ArchiveUpdate): Promise<ArchiveRow> {
    assertSameModel(await rows.get(ctx, id), { embedding, embedding_config }, `/v1/archives/${id}`)
    const change = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined))
    return rows.update(ctx, id, change)
  },

  /** Deletes an archive for good. Its passages, their tags and the links to agents go with it, by their foreign keys, in one statement. */
  async remove(ctx: Ctx, id: string): Promise<void> {
    const deleted = await ctx.db
      .delete(archives)
      .where(rows.owned(ctx, eq(archives.id, id)))
      .returning({ id: archives.id })
    if (deleted.length === 0) throw notFound('Archive', id)
    ctx.later(pokeIndex(ctx.env, ctx.actor.organization_id))
  },
}
