import type { Millis } from '../../lib/time'

/** What is rebuilt: an archive or a folder, or the messages of the organization. */
export type RebuildScope = 'archive' | 'folder' | 'messages'

/** What a job that rebuilds an index keeps in its `metadata`. */
export interface Rebuild {
  kind: 'reindex'
  scope: RebuildScope
  /** The archive, the folder or the organization. */
  namespace: string
  /** The model of scope `messages`; those of archives and folders are in their rows. */
  model: string | null
  /** True when vectors that are there are made anew too. */
  re_embed: boolean
  /** The last `rowid` that was noted, and how many were. */
  cursor: number
  enqueued: number
}

/** Rows that one step notes. */
const pageSize = 1_000

const tables: Record<RebuildScope, { kind: string; table: string; column: string; owner: string | null; where: string }> = {
  archive: { kind: 'passage', table: 'archival_passages', column: 'archive_id', owner: 'archives', where: '' },
  folder: { kind: 'source_passage', table: 'source_passages', column: 'source_id', owner: 'sources', where: '' },
  messages: {
    kind: 'message',
    table: 'messages',
    column: 'organization_id',
    owner: null,
    where: `and p.role in ('user', 'assistant') and p.text is not null`,
  },
}

interface Job {
  id: string
  metadata: Rebuild
}

/** A vector that is still on its way. One without an index to go to (`embedded` with an error) is not. */
export const isOpen = `(state in ('pending', 'submitted') or (state = 'embedded' and error is null))`

const running = `status in ('created', 'running') and job_type = 'job' and metadata_ ->> 'kind' = 'reindex'`

async function runningJobs(d1: D1Database, organization_id: string): Promise<Job[]> {
  const { results } = await d1
    .prepare(`select id, metadata_ as metadata from jobs where organization_id = ?1 and ${running} order by created_at, id`)
    .bind(organization_id)
    .all<{ id: string; metadata: string }>()
  return results.map(({ id, metadata }) => ({ id, metadata: JSON.parse(metadata) }))
}

/** Statement that owes the vectors of some rows anew. One that was made of the same text by the same model is put into the index as it is, unless it is to be made again. */
function owe(d1: D1Database, { scope, namespace, model, re_embed }: Rebuild, from: number, to: number, now: Millis): D1PreparedStatement {
  const { kind, table, column, owner, where } = tables[scope]
  const handle = owner === null ? '?5' : `coalesce(o.embedding, o.embedding_config ->> 'handle')`
  const dimensions = owner === null ? 'null' : `cast(o.embedding_config ->> 'embedding_dim' as integer)`
  const keep = `vectors.model = excluded.model and vectors.vector is not null and ?6 = 0`
  return d1
    .prepare(
      `insert into vectors (id, organization_id, kind, namespace, model, dimensions, state, due_at, created_at, updated_at)
        select p.id, p.organization_id, '${kind}', p.${column}, ${handle}, ${dimensions}, 'pending', 0, p.created_at, ?4
        from ${table} p ${owner === null ? '' : `join ${owner} o on o.id = p.${column}`}
        where p.${column} = ?1 and p.rowid > ?2 and p.rowid <= ?3 and ${handle} is not null ${where}
        on conflict (id) do update set
          vector = case when ${keep} then vectors.vector end, content_hash = case when ${keep} then vectors.content_hash end,
          state = case when ${keep} then 'embedded' else 'pending' end,
          dimensions = case when vectors.model = excluded.model then coalesce(vectors.dimensions, excluded.dimensions) else excluded.dimensions end,
          model = excluded.model, version = vectors.version + 1, attempts = 0, error = null, due_at = 0, updated_at = excluded.updated_at`,
    )
    .bind(namespace, from, to, now, model, re_embed ? 1 : 0)
}

/** Notes the next rows of a job; when there are no more and all that were noted are done, the job is. Resolves with how many were noted. */
async function advance(d1: D1Database, { id, metadata }: Job, now: Millis): Promise<number> {
  const { scope, namespace, cursor } = metadata
  const { table, column, kind } = tables[scope]
  const page = await d1
    .prepare(
      `select count(*) as n, max(row) as last from
        (select rowid as row from ${table} where ${column} = ?1 and rowid > ?2 order by rowid limit ${pageSize})`,
    )
    .bind(namespace, cursor)
    .first<{ n: number; last: number | null }>()
  const n = page?.n ?? 0
  const last = page?.last ?? cursor
  if (n > 0) {
    const advanced = `update jobs set status = 'running', updated_at = ?4,
        metadata_ = json_set(metadata_, '$.cursor', ?3, '$.enqueued', (metadata_ ->> 'enqueued') + ?5)
      where id = ?1 and metadata_ ->> 'cursor' = ?2 and status in ('created', 'running')`
    await d1.batch([owe(d1, metadata, cursor, last, now), d1.prepare(advanced).bind(id, cursor, last, now, n)])
    return n
  }
  const ended = `update jobs set status = 'completed', stop_reason = 'end_turn', completed_at = ?4, updated_at = ?4,
      metadata_ = json_set(metadata_, '$.failed', (select count(*) from vectors where namespace = ?2 and kind = ?3 and state = 'failed'))
    where id = ?1 and status in ('created', 'running')
      and not exists (select 1 from vectors where namespace = ?2 and kind = ?3 and state <> 'indexed' and ${isOpen})`
  // Why it takes long, if it does: a job waits for a model that is not set up, or does not answer.
  const told = `update jobs set metadata_ = json_set(metadata_, '$.error',
      (select error from vectors where namespace = ?2 and kind = ?3 and state <> 'indexed' and ${isOpen} and error is not null limit 1))
    where id = ?1 and status in ('created', 'running')`
  await d1.batch([d1.prepare(ended).bind(id, namespace, kind, now), d1.prepare(told).bind(id, namespace, kind)])
  return 0
}

/** Takes every rebuild of an organization one step further. Resolves with how many rows that made due. */
export async function advanceRebuilds(d1: D1Database, organization_id: string, now: () => Millis): Promise<number> {
  let noted = 0
  for (const job of await runningJobs(d1, organization_id)) noted += await advance(d1, job, now())
  return noted
}
