import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { z } from 'zod'
import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import { listPage } from '../../db/page'
import { containsText, repository } from '../../db/repository'
import { AppError, notFound } from '../../lib/errors'
import { idPrefixes, newId } from '../../lib/id'
import { instantOf } from '../../lib/query'
import { iso, zonedInstant, zonedIso } from '../../lib/time'
import { archiveOfAgent, archiveService } from '../archives/service'
import { nameWithin } from '../files/service'
import { folders } from '../folders/table'
import type { Found } from '../indexes/hybrid'
import { pokeIndex } from '../indexes/poke'
import { addPassages, changePassage, type PassageRow, rememberPassage } from './insert'
import type {
  AgentPassageQuery,
  AgentPassageSearch,
  ArchivalMemorySearch,
  Passage,
  PassageCreate,
  PassageSearch,
  PassageSearchHit,
  PassageUpdate,
} from './schema'
import { findPassages, type PassageFilter } from './search'
import { findFilePassages } from './search-files'
import { archivalPassages } from './table'

const rows = repository(archivalPassages, 'Passage')
const folderRows = repository(folders, 'Folder')

/** Has the vectors of what was just written brought up to date, after the answer. */
const indexSoon = (ctx: Ctx): void => ctx.later(pokeIndex(ctx.env, ctx.actor.organization_id))

/** A passage as the API shows it. */
const shown = (row: PassageRow): Passage => ({ ...row, embedding: null, source_id: null, file_id: null, file_name: null })

// The `+` keeps the organization's index out of the plan: the archive leads.
const inArchive = (ctx: Ctx, archiveId: string): SQL | undefined =>
  and(
    sql`+${archivalPassages.organization_id} = ${ctx.actor.organization_id}`,
    eq(archivalPassages.archive_id, archiveId),
    eq(archivalPassages.is_deleted, false),
  )

async function one(ctx: Ctx, archiveId: string | null, id: string): Promise<PassageRow> {
  const row = await rows.get(ctx, id)
  if (row.archive_id !== archiveId) throw notFound('Passage', id)
  return row
}

/** Deletes a passage of an archive for good; its tags go with it. */
async function remove(ctx: Ctx, archiveId: string | null, id: string): Promise<void> {
  const deleted = await ctx.db
    .delete(archivalPassages)
    .where(and(inArchive(ctx, archiveId ?? ''), eq(archivalPassages.id, id)))
    .returning({ id: archivalPassages.id })
  if (deleted.length === 0) throw notFound('Passage', id)
  indexSoon(ctx)
}

/** Passages of one archive. Every verb throws 404 for an archive that is not there. */
export const archivePassageService = {
  create(ctx: Ctx, archiveId: string, input: PassageCreate): Promise<Passage> {
    const make = async (id: string) => {
      const [row] = await addPassages(ctx.env.DB, ctx.actor, archiveId, [{ ...input, id }])
      if (!row) throw notFound('Archive', archiveId)
      indexSoon(ctx)
      return shown(row)
    }
    return createOnce(ctx, 'passage', make, async (id) => shown(await one(ctx, archiveId, id)))
  },

  /** Stores all of the passages or none. With an `Idempotency-Key` their ids follow from it, so that a repeat finds them. */
  async createMany(ctx: Ctx, archiveId: string, inputs: PassageCreate[]): Promise<Passage[]> {
    await archiveService.get(ctx, archiveId)
    const derived = (i: number) => `${idPrefixes.passage}-${ctx.once?.uuid.slice(0, -3)}${i.toString(16).padStart(3, '0')}`
    const passages = inputs.map((input, i) => ({ ...input, id: ctx.once ? derived(i) : newId('passage') }))
    const ids = passages.map(({ id }) => id)
    const before = ctx.once?.again ? await rows.getMany(ctx, ids) : []
    if (before.length > 0) return before.map(shown)
    const made = await addPassages(ctx.env.DB, ctx.actor, archiveId, passages)
    if (made.length < inputs.length) throw notFound('Archive', archiveId)
    indexSoon(ctx)
    return made.map(shown)
  },

  /** Changes a passage; what it says from now on is found at once, and what it said no more. */
  async update(ctx: Ctx, archiveId: string, id: string, input: PassageUpdate): Promise<Passage> {
    await archiveService.get(ctx, archiveId)
    const before = await one(ctx, archiveId, id)
    await changePassage(ctx.env.DB, ctx.actor, before, input)
    indexSoon(ctx)
    return shown(await one(ctx, archiveId, id))
  },

  async remove(ctx: Ctx, archiveId: string, id: string): Promise<void> {
    await archiveService.get(ctx, archiveId)
    await remove(ctx, archiveId, id)
  },
}

/** Passages of the archive of one agent: its archival memory. Every verb throws 404 for an agent that is not there. */
export const agentPassageService = {
  async list(ctx: Ctx, agentId: string, { ascending, search, ...page }: z.output<typeof AgentPassageQuery>): Promise<Passage[]> {
    const { archive_id } = await archiveOfAgent(ctx, agentId)
    const order = ascending === undefined ? page.order : ascending ? 'asc' : 'desc'
    const where = and(inArchive(ctx, archive_id ?? ''), search === undefined ? undefined : containsText(archivalPassages.text, search))
    const sort = { by: archivalPassages.created_at, id: archivalPassages.id }
    return (await listPage(ctx.db, archivalPassages, sort, { ...page, order }, where)).map(shown)
  },

  create(ctx: Ctx, agentId: string, input: PassageCreate): Promise<Passage> {
    const make = async (id: string) => {
      const row = await rememberPassage(ctx.env, ctx.actor, agentId, { ...input, id })
      if (!row) throw notFound('Agent', agentId)
      indexSoon(ctx)
      return shown(row)
    }
    const finish = async (id: string) => shown(await one(ctx, (await archiveOfAgent(ctx, agentId)).archive_id, id))
    return createOnce(ctx, 'passage', make, finish)
  },

  async remove(ctx: Ctx, agentId: string, id: string): Promise<void> {
    const { archive_id } = await archiveOfAgent(ctx, agentId)
    await remove(ctx, archive_id, id)
  },

  async search(ctx: Ctx, agentId: string, request: AgentPassageSearch): Promise<ArchivalMemorySearch> {
    const { archive_id, timezone } = await archiveOfAgent(ctx, agentId)
    const { query, tags = [], tag_match_mode, start_datetime: start, end_datetime: end, top_k: limit } = request
    if (archive_id === null || query.trim() === '') return { results: [], count: 0 }
    const local = (text: string | undefined, edge: 'start' | 'end') => (text ? iso(zonedInstant(text, timezone, edge)) : null)
    const found = await findPassages(ctx.env, {
      organization_id: ctx.actor.organization_id,
      within: { archive_id },
      query,
      mode: 'hybrid',
      tags,
      tag_match_mode,
      start: local(start, 'start'),
      end: local(end, 'end'),
      limit,
    })
    const results = found.map(({ row }) => ({
      id: row.id,
      timestamp: zonedIso(Date.parse(row.created_at), timezone),
      content: row.text,
      tags: row.tags,
    }))
    return { results, count: results.length }
  },
}

/** What a search is confined to. Throws 404 for an agent or archive that is not there. */
async function scopeOf(ctx: Ctx, { agent_id, archive_id }: PassageSearch): Promise<PassageFilter['within']> {
  if (agent_id) {
    await archiveOfAgent(ctx, agent_id)
    return { agent_id }
  }
  if (!archive_id) return null
  await archiveService.get(ctx, archive_id)
  return { archive_id }
}

const hit = (passage: Passage, found: Found | null): PassageSearchHit => {
  const { id: _, ...metadata } = found ?? { id: '' }
  return { passage, score: found?.rrf_score ?? 0, metadata }
}

/** Searches the files of a folder. Throws 404 for a folder that is not there. */
async function searchFolder(ctx: Ctx, folder_id: string, request: PassageSearch): Promise<PassageSearchHit[]> {
  const { agent_id, archive_id, tags, start_date, end_date, search_mode: mode, limit } = request
  const query = request.query?.trim()
  if (agent_id || archive_id || tags?.length || !query)
    throw new AppError('invalid', 'folder_id: needs a query, and goes with neither agent_id, archive_id nor tags')
  await folderRows.get(ctx, folder_id)
  const found = await findFilePassages(ctx.env, {
    organization_id: ctx.actor.organization_id,
    within: { folder_id },
    query,
    mode,
    start: start_date ? instantOf(start_date) : null,
    end: end_date ? instantOf(end_date, 'end') : null,
    limit,
  })
  return found.map(({ row, found }) => hit({ ...row, archive_id: null, embedding: null, file_name: nameWithin(row.file_name) }, found))
}

/** Searches the archive of an agent, one archive, all archives of the organization, or the files of a folder. */
export async function searchPassages(ctx: Ctx, request: PassageSearch): Promise<PassageSearchHit[]> {
  const { start_date, end_date, tag_match_mode, limit, search_mode: mode } = request
  if (request.folder_id) return searchFolder(ctx, request.folder_id, request)
  const found = await findPassages(ctx.env, {
    organization_id: ctx.actor.organization_id,
    within: await scopeOf(ctx, request),
    query: request.query?.trim() || null,
    mode,
    tags: request.tags ?? [],
    tag_match_mode,
    start: start_date ? iso(instantOf(start_date)) : null,
    end: end_date ? iso(instantOf(end_date, 'end')) : null,
    limit,
  })
  return found.map(({ row, found }) => hit(shown(row), found))
}
