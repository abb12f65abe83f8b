import { type Row, readRow } from '../../db/rows'
import type { Env } from '../../env'
import { chunked } from '../../lib/chunks'
import { AppError } from '../../lib/errors'
import { newId } from '../../lib/id'
import { instantOf } from '../../lib/query'
import { embeddingOf } from '../indexes/embedding-config'
import { archivalPassages } from './table'

export type PassageRow = Row<typeof archivalPassages>

/** On whose behalf passages are stored. */
export interface PassageWriter {
  organization_id: string
  user_id: string | null
}

export interface NewPassage {
  id: string
  text: string
  tags?: readonly string[] | null | undefined
  metadata?: Record<string, unknown> | null | undefined
  created_at?: string | null | undefined
}

/** Longest text of a passage, in UTF-16 units. */
export const textMax = 250_000
/** D1 takes strings and rows of up to 2 MB; a passage travels as JSON. */
const rowBytesMax = 1_500_000
const chunkCharacters = 250_000

/** A passage as its statements take it: without what SQLite cannot keep in a text. Throws 422 when it is empty or too big. */
function packed({ id, text, tags, metadata, created_at }: NewPassage) {
  const clean = (value: string) => value.replaceAll('\0', '').toWellFormed()
  const passage = {
    id,
    text: clean(text),
    tags: [...new Set((tags ?? []).map(clean))].filter(Boolean),
    metadata: metadata ?? {},
    created_at: created_at ? instantOf(created_at) : null,
  }
  if (passage.text === '') throw new AppError('invalid', 'text: must not be empty')
  if (text.length > textMax)
    throw new AppError('invalid', `text: has ${text.length} characters, and a passage takes ${textMax}. Store it as several passages.`)
  const bytes = new TextEncoder().encode(JSON.stringify(passage)).length
  if (bytes > rowBytesMax)
    throw new AppError('invalid', `The text, tags and metadata of a passage take ${bytes} bytes, and ${rowBytesMax} is the most.`)
  return passage
}

const insertTags = `insert into passage_tags
    (id, organization_id, passage_id, archive_id, tag, created_at, updated_at, created_by_id, last_updated_by_id)
  select new.value ->> 'id', p.organization_id, p.id, p.archive_id, new.value ->> 'tag', ?2, ?2, ?3, ?3
  from json_each(?1) new join archival_passages p on p.id = new.value ->> 'passage_id'
  where true on conflict do nothing`

/** Statements that insert passages and their tags. `archive` is SQL that names the archive by `?2`; where there is none, nothing is inserted. */
function statements(d1: D1Database, by: PassageWriter, archive: string, owner: string, passages: NewPassage[]) {
  const now = Date.now()
  const rows = passages.map(packed)
  const insert = `insert into archival_passages
      (id, organization_id, archive_id, text, embedding_config, metadata_, tags, created_at, updated_at, created_by_id, last_updated_by_id)
    select new.value ->> 'id', a.organization_id, a.id, new.value ->> 'text', a.embedding_config, new.value -> 'metadata', new.value -> 'tags',
      coalesce(new.value ->> 'created_at', ?4), ?4, ?5, ?5
    from json_each(?1) new join archives a on a.id = ${archive} and a.organization_id = ?3 and a.is_deleted = 0
    where true on conflict do nothing returning *`
  const tags = rows.flatMap((row) => row.tags.map((tag) => ({ id: newId('passageTag'), passage_id: row.id, tag })))
  const size = (value: unknown) => JSON.stringify(value).length
  return {
    passages: chunked(rows, chunkCharacters, size).map((group) =>
      d1.prepare(insert).bind(JSON.stringify(group), owner, by.organization_id, now, by.user_id),
    ),
    tags: chunked(tags, chunkCharacters, size).map((group) => d1.prepare(insertTags).bind(JSON.stringify(group), now, by.user_id)),
  }
}

/** Runs one batch. Resolves with the rows that it inserted, in the order of `passages`. */
async function run(
  d1: D1Database,
  before: D1PreparedStatement[],
  made: ReturnType<typeof statements>,
  passages: NewPassage[],
): Promise<PassageRow[]> {
  if (passages.length === 0) return []
  const results = await d1.batch<Record<string, unknown>>([...before, ...made.passages, ...made.tags])
  const inserted = results.slice(before.length, before.length + made.passages.length).flatMap((result) => result.results)
  const byId = new Map(inserted.map((raw) => [raw.id as string, readRow(archivalPassages, raw)]))
  return passages.flatMap(({ id }) => byId.get(id) ?? [])
}

/**
 * Stores passages in an archive, with their tags, in one batch: all of them or none. Resolves with no row when the archive is not there.
 * What is stored already under one of the ids stays as it is.
 */
export function addPassages(d1: D1Database, by: PassageWriter, archiveId: string, passages: NewPassage[]): Promise<PassageRow[]> {
  return run(d1, [], statements(d1, by, '?2', archiveId, passages), passages)
}

/** Changes the text, the tags or the metadata of a passage, in one batch; null and absent fields stay as they are. */
export async function changePassage(
  d1: D1Database,
  by: PassageWriter,
  before: PassageRow,
  change: { [K in 'text' | 'tags' | 'metadata']?: NewPassage[K] | null },
): Promise<void> {
  const { id, text, tags } = packed({
    id: before.id,
    text: change.text ?? before.text,
    tags: change.tags ?? before.tags,
    metadata: change.metadata ?? before.metadata,
  })
  const now = Date.now()
  const rows = tags.map((tag) => ({ id: newId('passageTag'), passage_id: id, tag }))
  await d1.batch([
    d1
      .prepare(
        'update archival_passages set text = ?2, tags = ?3, metadata_ = ?4, updated_at = ?5, last_updated_by_id = ?6 where id = ?1 and organization_id = ?7',
      )
      .bind(id, text, JSON.stringify(tags), JSON.stringify(change.metadata ?? before.metadata), now, by.user_id, by.organization_id),
    d1.prepare('delete from passage_tags where passage_id = ?1').bind(id),
    d1.prepare(insertTags).bind(JSON.stringify(rows), now, by.user_id),
  ])
}

/** Statements that give an agent an archive of its own, which is embedded as the agent says; none when it has one. */
async function ownArchive(env: Env, by: PassageWriter, agentId: string, passageId: string): Promise<D1PreparedStatement[]> {
  const d1 = env.DB
  const agent = await d1
    .prepare(
      `select embedding, nullif(embedding_config, '{}') as embedding_config from agents
        where id = ?1 and organization_id = ?2 and is_deleted = 0 and not exists (select 1 from archives_agents where agent_id = ?1)`,
    )
    .bind(agentId, by.organization_id)
    .first<{ embedding: string | null; embedding_config: string | null }>()
  if (!agent) return []
  const sent = { embedding: agent.embedding, embedding_config: agent.embedding_config && JSON.parse(agent.embedding_config) }
  // What the agent was made with may have become unknown since; its passages are kept all the same.
  const { embedding, embedding_config } = await embeddingOf(env, by.organization_id, sent).catch(() => sent)
  const archiveId = newId('archive')
  const now = Date.now()
  return [
    d1
      .prepare(
        `insert into archives
          (id, organization_id, name, embedding, embedding_config, created_at, updated_at, created_by_id, last_updated_by_id)
        select ?1, organization_id, name || '''s Archive', ?7, ?8, ?4, ?4, ?5, ?5
        from agents where id = ?2 and organization_id = ?3 and is_deleted = 0
          and not exists (select 1 from archives_agents where agent_id = ?2)
          and not exists (select 1 from archival_passages where id = ?6)`,
      )
      .bind(
        archiveId,
        agentId,
        by.organization_id,
        now,
        by.user_id,
        passageId,
        embedding,
        embedding_config && JSON.stringify(embedding_config),
      ),
    d1
      .prepare('insert into archives_agents (agent_id, archive_id, created_at, is_owner) select ?2, id, ?3, 1 from archives where id = ?1')
      .bind(archiveId, agentId, now),
  ]
}

/**
 * Stores a passage in the archive of an agent; an agent without one gets its own in the same batch, so that however many begin at once
 * make one archive. Resolves with null when the agent is not there, or the passage is stored already.
 */
export async function rememberPassage(env: Env, by: PassageWriter, agentId: string, passage: NewPassage): Promise<PassageRow | null> {
  const d1 = env.DB
  const before = await ownArchive(env, by, agentId, passage.id)
  const made = statements(d1, by, '(select archive_id from archives_agents where agent_id = ?2)', agentId, [passage])
  const [row] = await run(d1, before, made, [passage])
  return row ?? null
}
