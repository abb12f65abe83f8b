import { sha256 } from '../../lib/crypto'
import { type ErrorKind, isAppError, messageOf } from '../../lib/errors'
import { backoff, type Millis } from '../../lib/time'
import type { EmbeddingModel } from '../../retrieval/ports'
import { decodeVector, encodeVector } from '../../retrieval/vector'
import { textOfVector } from './kinds'

/** A text that is to be embedded: a `pending` row of `vectors`. */
export interface Owed {
  id: string
  version: number
  organization_id: string
  model: string
  dimensions: number | null
  attempts: number
  text: string
}

/** A text that was not embedded. */
export interface NotEmbedded {
  id: string
  kind: ErrorKind
  message: string
}

/** Finds a model for an organization by its handle, its own providers included. */
export type FindModel = (organization_id: string, handle: string) => Promise<EmbeddingModel>

/** Columns of `Owed`, out of `vectors v`. */
export const owedColumns = `v.id, v.version, v.organization_id, v.model, v.dimensions, v.attempts, ${textOfVector} as text`

/** A failure that another try may not meet. Others are met until the configuration changes, which is looked for now and then. */
const transient: ReadonlySet<ErrorKind> = new Set([
  'llm_rate_limit',
  'llm_timeout',
  'llm_error',
  'provider_unreachable',
  'unavailable',
  'internal',
])
const transientWait = { base: 1_000, most: 10 * 60_000 }
const configurationWait = { base: 30_000, most: 60 * 60_000 }

const later = (kind: ErrorKind, attempts: number): Millis => {
  const { base, most } = transient.has(kind) ? transientWait : configurationWait
  return backoff(Math.min(attempts, 20), base, most)
}

/** Vectors of texts that were embedded before by the same model, by the hash of the text. */
async function known(d1: D1Database, organization_id: string, model: string, hashes: string[]): Promise<Map<string, string>> {
  const { results } = await d1
    .prepare(
      `select content_hash, min(vector) as vector from vectors
        where organization_id = ?1 and content_hash in (select value from json_each(?2)) and model = ?3 and vector is not null group by content_hash`,
    )
    .bind(organization_id, JSON.stringify(hashes), model)
    .all<{ content_hash: string; vector: string }>()
  return new Map(results.map((row) => [row.content_hash, row.vector]))
}

/** Writes what became of rows that are still as they were read. */
function write(d1: D1Database, set: string, rows: unknown[][], now: Millis): Promise<unknown> {
  return d1
    .prepare(
      `update vectors set ${set}, updated_at = ?2 from json_each(?1) as new
        where vectors.id = new.value ->> 0 and vectors.version = new.value ->> 1 and vectors.state = 'pending'`,
    )
    .bind(JSON.stringify(rows), now)
    .run()
}

const embedded = `vector = new.value ->> 2, content_hash = new.value ->> 3, dimensions = new.value ->> 4,
  state = 'embedded', attempts = 0, error = null, due_at = case kind when 'tool' then null else 0 end`
const postponed = 'error = new.value ->> 2, due_at = new.value ->> 3, attempts = attempts + 1'
const failed = `error = new.value ->> 2, state = 'failed', due_at = null, attempts = attempts + 1`

interface Hashed extends Owed {
  hash: string
}

/** Vectors of texts, each embedded once, also when it stands in several rows, and not at all when it was before. */
async function vectorsOf(d1: D1Database, model: EmbeddingModel, rows: Hashed[], signal?: AbortSignal): Promise<Map<string, string>> {
  const [first] = rows
  if (!first) return new Map()
  const texts = new Map(rows.map((row) => [row.hash, row.text]))
  const found = await known(d1, first.organization_id, first.model, [...texts.keys()])
  const missing = [...texts].filter(([hash]) => !found.has(hash))
  const made =
    missing.length > 0
      ? await model.embed(
          missing.map(([, text]) => text),
          'document',
          signal,
        )
      : []
  for (const [i, [hash]] of missing.entries()) found.set(hash, encodeVector(made[i] as Float32Array))
  return found
}

/** What a row that has other dimensions than its model makes is told. */
const mixed = (row: Owed, got: number) =>
  `The model ${row.model} makes vectors of ${got} dimensions, and those that are kept here have ${row.dimensions}. Vectors of different dimensions are not mixed: rebuild with POST …/reindex.`

/** Embeds rows of one organization and model. What the model refuses as a whole is tried text by text, so that one bad text is alone to fail. */
async function embedGroup(
  d1: D1Database,
  find: FindModel,
  rows: Hashed[],
  now: () => Millis,
  signal?: AbortSignal,
): Promise<NotEmbedded[]> {
  const [first] = rows
  if (!first) return []
  try {
    const model = await find(first.organization_id, first.model)
    const made = await vectorsOf(d1, model, rows, signal)
    const sized = rows.map((row) => ({
      row,
      vector: made.get(row.hash) as string,
      size: decodeVector(made.get(row.hash) as string).length,
    }))
    const fits = ({ row, size }: (typeof sized)[number]) => row.dimensions === null || row.dimensions === size
    const good = sized.filter(fits).map(({ row, vector, size }) => [row.id, row.version, vector, row.hash, size])
    const bad = sized.filter((each) => !fits(each)).map(({ row, size }) => [row.id, row.version, mixed(row, size)])
    if (good.length > 0) await write(d1, embedded, good, now())
    if (bad.length > 0) await write(d1, failed, bad, now())
    return bad.map(([id, , message]) => ({ id: String(id), kind: 'llm_bad_request' as const, message: String(message) }))
  } catch (error) {
    signal?.throwIfAborted()
    const kind = isAppError(error) ? error.kind : 'internal'
    if (kind === 'llm_bad_request' && rows.length > 1) {
      const alone: NotEmbedded[] = []
      for (const row of rows) alone.push(...(await embedGroup(d1, find, [row], now, signal)))
      return alone
    }
    const message = messageOf(error).slice(0, 1000)
    const refused = kind === 'llm_bad_request'
    const told = rows.map((row) => [row.id, row.version, message, now() + later(kind, row.attempts)])
    await write(d1, refused ? failed : postponed, told, now())
    return rows.map(({ id }) => ({ id, kind, message }))
  }
}

/**
 * Embeds `pending` rows and writes what became of each: `embedded`, `failed` when the model refuses its text, or a later try. A row that was
 * changed meanwhile stays as it is. Resolves with those that were not embedded, and why; rejects only when the database cannot be reached, or
 * with the signal's reason.
 */
export async function embedRows(
  d1: D1Database,
  find: FindModel,
  rows: Owed[],
  { now = Date.now, signal }: { now?: () => Millis; signal?: AbortSignal } = {},
): Promise<NotEmbedded[]> {
  const hashed = await Promise.all(rows.map(async (row) => ({ ...row, hash: await sha256(row.text) })))
  const groups = Map.groupBy(hashed, (row) => `${row.organization_id} ${row.model}`)
  const not: NotEmbedded[] = []
  for (const group of groups.values()) not.push(...(await embedGroup(d1, find, group, now, signal)))
  return not
}
