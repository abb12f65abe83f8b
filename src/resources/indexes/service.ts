import type { Ctx } from '../../context'
import { createOnce } from '../../db/once'
import { insertRows } from '../../db/rows'
import { notFound } from '../../lib/errors'
import { jobOf, jobRows, jobs } from '../jobs/rows'
import type { Job } from '../jobs/schema'
import { describe } from './embedding-config'
import { messageModel } from './models'
import { pokeIndex } from './poke'
import type { Rebuild, RebuildScope } from './rebuild'
import type { IndexState, ReindexRequest } from './schema'
import { indexOf, verify } from './submit'

/** What is indexed as one: an archive, a folder, or the messages of the organization. */
interface Indexed {
  scope: RebuildScope
  namespace: string
  kind: string
  embedding: string | null
  dimensions: number | null
  texts: string
}

/** Vectors that one check looks for. */
const checkMost = 1_000

const noun = { archive: 'Archive', folder: 'Folder' } as const
const owners = {
  archive: { table: 'archives', kind: 'passage', texts: 'select count(*) as n from archival_passages where archive_id = ?1' },
  folder: { table: 'sources', kind: 'source_passage', texts: 'select count(*) as n from source_passages where source_id = ?1' },
} as const

/** Throws 404 for an archive or folder that is not there. */
async function find(ctx: Ctx, scope: RebuildScope, id: string | null): Promise<Indexed> {
  if (scope === 'messages') {
    const texts = `select count(*) as n from messages where organization_id = ?1 and role in ('user', 'assistant') and text is not null and is_deleted = 0`
    const embedding = messageModel(ctx.env)
    const config = embedding === null ? null : await describe(ctx.env, ctx.actor.organization_id, embedding)
    const dimensions = typeof config?.embedding_dim === 'number' ? config.embedding_dim : null
    return { scope, namespace: ctx.actor.organization_id, kind: 'message', embedding, dimensions, texts }
  }
  const { table, kind, texts } = owners[scope]
  const row = await ctx.env.DB.prepare(
    `select coalesce(embedding, embedding_config ->> 'handle') as embedding, cast(embedding_config ->> 'embedding_dim' as integer) as dimensions
      from ${table} where id = ?1 and organization_id = ?2 and is_deleted = 0`,
  )
    .bind(id, ctx.actor.organization_id)
    .first<{ embedding: string | null; dimensions: number | null }>()
  if (!row || id === null) throw notFound(noun[scope], id ?? undefined)
  return { scope, namespace: id, kind, ...row, texts }
}

/** Looks for indexed vectors in the index, those after an id first. */
async function check(ctx: Ctx, { namespace, kind }: Indexed, after: string): Promise<{ checked: number; missing: number }> {
  const { results } = await ctx.env.DB.prepare(
    `select id, version, dimensions from vectors where namespace = ?1 and kind = ?2 and state = 'indexed' and id > ?3 order by id limit ?4`,
  )
    .bind(namespace, kind, after, checkMost)
    .all<{ id: string; version: number; dimensions: number }>()
  const missing = await verify(ctx.env, results, Date.now())
  if (missing.length > 0) ctx.later(pokeIndex(ctx.env, ctx.actor.organization_id))
  return { checked: results.length, missing: missing.length }
}

/** How far the vectors are, and with `check` whether the index has what it should. */
export async function indexState(
  ctx: Ctx,
  scope: RebuildScope,
  id: string | null,
  query: { check?: boolean | undefined; after?: string | undefined },
): Promise<IndexState> {
  const of = await find(ctx, scope, id)
  const looked = query.check ? await check(ctx, of, query.after ?? '') : null
  const d1 = ctx.env.DB
  const [texts, all, unindexed, errors, dims] = await d1.batch<Record<string, number | string>>([
    d1.prepare(of.texts).bind(of.namespace),
    d1.prepare('select count(*) as n from vectors where namespace = ?1 and kind = ?2').bind(of.namespace, of.kind),
    d1
      .prepare(`select state, count(*) as n from vectors where namespace = ?1 and kind = ?2 and state <> 'indexed' group by state`)
      .bind(of.namespace, of.kind),
    d1
      .prepare(
        `select error, count(*) as count from vectors where namespace = ?1 and kind = ?2 and state <> 'indexed' and error is not null
          group by error order by 2 desc limit 5`,
      )
      .bind(of.namespace, of.kind),
    d1
      .prepare('select dimensions as n from vectors where namespace = ?1 and kind = ?2 and dimensions is not null limit 1')
      .bind(of.namespace, of.kind),
  ])
  const one = (result: typeof texts): number => Number(result?.results[0]?.n ?? 0)
  const states = new Map((unindexed?.results ?? []).map(({ state, n }) => [state, Number(n)]))
  const inState = (state: string): number => states.get(state) ?? 0
  const waiting = [...states.values()].reduce((sum, n) => sum + n, 0)
  const dimensions = of.dimensions ?? (one(dims) || null)
  const index = indexOf(ctx.env, dimensions)
  return {
    embedding: of.embedding,
    dimensions,
    metric: 'cosine',
    texts: one(texts),
    unqueued: Math.max(0, one(texts) - (one(all) - inState('deleted'))),
    pending: inState('pending'),
    embedded: inState('embedded'),
    submitted: inState('submitted'),
    indexed: one(all) - waiting,
    failed: inState('failed'),
    deleted: inState('deleted'),
    errors: (errors?.results ?? []).map(({ error, count }) => ({ error: String(error), count: Number(count) })),
    index: { bound: index !== null, vectors: (await index?.describe().catch(() => null))?.vectorCount ?? null },
    checked: looked?.checked ?? null,
    missing: looked?.missing ?? null,
  }
}

/**
 * Rebuilds an index from what is stored, as a job that goes on after a crash: `metadata.enqueued` tells how far it is. With another model all
 * texts are embedded anew, and found by words until they are. Throws 404 for what is not there and for an unknown model.
 */
export async function reindex(ctx: Ctx, scope: RebuildScope, id: string | null, request: ReindexRequest): Promise<Job> {
  const of = await find(ctx, scope, id)
  const { organization_id, user_id } = ctx.actor
  const embedding = request.embedding ?? null
  const config = embedding === null ? null : await describe(ctx.env, ctx.actor.organization_id, embedding)
  const make = async (job_id: string) => {
    const metadata: Rebuild = {
      kind: 'reindex',
      scope,
      namespace: of.namespace,
      model: scope === 'messages' ? of.embedding : null,
      re_embed: request.re_embed,
      cursor: 0,
      enqueued: 0,
    }
    const by = { organization_id, created_by_id: user_id, last_updated_by_id: user_id }
    const job = { ...by, id: job_id, user_id, status: 'created' as const, background: true, metadata: { ...metadata } }
    const statements = [insertRows(ctx.env.DB, jobs, [job])]
    if (embedding !== null && scope !== 'messages') {
      const change = `update ${owners[scope].table} set embedding = ?2, embedding_config = json_patch(coalesce(embedding_config, '{}'), ?3), updated_at = ?4, last_updated_by_id = ?5
        where id = ?1`
      const described = { embedding_dim: null, ...config, handle: embedding }
      statements.push(ctx.env.DB.prepare(change).bind(of.namespace, embedding, JSON.stringify(described), Date.now(), user_id))
    }
    await ctx.env.DB.batch(statements)
    return jobOf(await jobRows.get(ctx, job_id))
  }
  const job = await createOnce(ctx, 'job', make, async (job_id) => jobOf(await jobRows.get(ctx, job_id)))
  ctx.later(pokeIndex(ctx.env, organization_id))
  return job
}
