import type { Env } from '../../env'
import { chunked } from '../../lib/chunks'
import { messageOf } from '../../lib/errors'
import { backoff, type Millis } from '../../lib/time'
import { indexedDimensions, type VectorIndex } from '../../retrieval/ports'
import { decodeVector } from '../../retrieval/vector'
import { vectorizeLimits } from '../../retrieval/vectorize'
import { metadataOfVector } from './kinds'

/** The index for vectors of so many dimensions; null when none is bound. */
export function indexOf(env: Env, dimensions: number | null): VectorIndex | null {
  const bound = indexedDimensions.find((known) => known === dimensions)
  return (bound && env[`VECTORIZE_${bound}`]) ?? null
}

/** How long a row waits whose index is not bound, or does not answer. */
const unboundMs = 60 * 60_000
const wait = (attempts: number): Millis => backoff(Math.min(attempts, 20), 1_000, 10 * 60_000)
/** When a vector that was submitted is looked for, and after how many looks it is submitted again. Vectorize needs some seconds. */
const lookAfter = (attempts: number): Millis => Math.min(1_000 * 2 ** Math.min(attempts, 20), 60_000)
const looksMost = 12

interface Row {
  id: string
  version: number
  dimensions: number
  indexed_dimensions: number | null
  attempts: number
}

/** Rows of one state that are due, oldest first. */
async function due<T extends Row>(
  d1: D1Database,
  organization_id: string,
  state: string,
  now: Millis,
  most: number,
  more = '',
): Promise<T[]> {
  const { results } = await d1
    .prepare(
      `select v.id, v.version, v.dimensions, v.indexed_dimensions, v.attempts ${more} from vectors v
        where v.organization_id = ?1 and v.due_at <= ?2 and v.state = ?3 order by v.due_at limit ?4`,
    )
    .bind(organization_id, now, state, most)
    .all<T>()
  return results
}

/** Writes what became of rows that are still as they were read. `set` may use `new.value ->> 2` and following. */
const write = (d1: D1Database, state: string, set: string, rows: unknown[][], now: Millis): D1PreparedStatement =>
  d1
    .prepare(
      `update vectors set ${set}, updated_at = ?3 from json_each(?1) as new
        where vectors.id = new.value ->> 0 and vectors.version = new.value ->> 1 and vectors.state = ?2`,
    )
    .bind(JSON.stringify(rows), state, now)

const postponed = 'error = new.value ->> 2, due_at = new.value ->> 3, attempts = attempts + 1'

const byIndex = <T extends Row>(rows: T[], dimensions: (row: T) => number | null) => Map.groupBy(rows, dimensions)

const pagesOf = <T>(items: T[], size: number): T[][] => chunked(items, size, () => 1)

/** Takes vectors out of an index, if it is bound. */
async function takeOut(env: Env, dimensions: number, rows: Row[]): Promise<void> {
  const index = indexOf(env, dimensions)
  const ids = rows.map((row) => row.id)
  for (const some of pagesOf(ids, vectorizeLimits.deletedPerCall)) await index?.deleteByIds(some)
}

interface Embedded extends Row {
  namespace: string
  vector: string
  metadata: string | null
}

const entryOf = ({ id, namespace, vector, metadata }: Embedded): VectorizeVector => ({
  id,
  namespace,
  values: [...decodeVector(vector)],
  metadata: JSON.parse(metadata ?? '{}'),
})

/**
 * Notes where copies are about to be, and returns the rows that are still as they were read. Whoever deletes one of them from here on finds
 * out which index to take it from, whether or not the copy arrived.
 */
async function claim(d1: D1Database, dimensions: number | null, rows: Embedded[], now: Millis): Promise<Embedded[]> {
  const { results } = await d1
    .prepare(
      `update vectors set indexed_dimensions = ?2, updated_at = ?3 from json_each(?1) as new
        where vectors.id = new.value ->> 0 and vectors.version = new.value ->> 1 and vectors.state = 'embedded' returning vectors.id`,
    )
    .bind(JSON.stringify(rows.map((row) => [row.id, row.version])), dimensions, now)
    .all<{ id: string }>()
  const claimed = new Set(results.map(({ id }) => id))
  return rows.filter((row) => claimed.has(row.id))
}

/** Puts embedded vectors into their index. Resolves with how many rows were due. */
export async function submit(env: Env, organization_id: string, now: () => Millis, most: number): Promise<number> {
  const d1 = env.DB
  const rows = await due<Embedded>(d1, organization_id, 'embedded', now(), most, `, v.namespace, v.vector, ${metadataOfVector} as metadata`)
  for (const [dimensions, group] of byIndex(rows, (row) => row.dimensions)) {
    const index = indexOf(env, dimensions)
    try {
      if (!index) {
        const error = `No index of ${dimensions} dimensions is bound (VECTORIZE_${dimensions}); the newest of these vectors are searched without one.`
        await write(
          d1,
          'embedded',
          postponed,
          group.map((row) => [row.id, row.version, error, now() + unboundMs]),
          now(),
        ).run()
        continue
      }
      for (const [before, moved] of byIndex(group, (row) => row.indexed_dimensions))
        if (before !== null && before !== dimensions) await takeOut(env, before, moved)
      const claimed = await claim(d1, dimensions, group, now())
      if (claimed.length > 0) await index.upsert(claimed.map(entryOf))
      const sent = claimed.map((row) => [row.id, row.version, now() + lookAfter(0)])
      await write(d1, 'embedded', `state = 'submitted', attempts = 0, error = null, due_at = new.value ->> 2`, sent, now()).run()
    } catch (error) {
      const told = group.map((row) => [row.id, row.version, messageOf(error).slice(0, 1000), now() + wait(row.attempts)])
      await write(d1, 'embedded', postponed, told, now()).run()
    }
  }
  return rows.length
}

/** Those of the ids that the index has in this version or a later one. */
async function present(index: VectorIndex, rows: { id: string; version: number }[]): Promise<Set<string>> {
  const versions = new Map(rows.map((row) => [row.id, row.version]))
  const found = new Set<string>()
  const ids = [...versions.keys()]
  for (const some of pagesOf(ids, vectorizeLimits.fetchedPerCall)) {
    for (const vector of await index.getByIds(some)) {
      if (Number(vector.metadata?.version) >= (versions.get(vector.id) ?? 0)) found.add(vector.id)
    }
  }
  return found
}

/** Looks whether submitted vectors can be found. One that stays away is submitted again. Resolves with how many rows were due. */
export async function confirm(env: Env, organization_id: string, now: () => Millis, most: number): Promise<number> {
  const d1 = env.DB
  const rows = await due<Row>(d1, organization_id, 'submitted', now(), most)
  for (const [dimensions, group] of byIndex(rows, (row) => row.dimensions)) {
    const there = await lookUp(indexOf(env, dimensions), group)
    const [found, absent] = [group.filter((row) => there.has(row.id)), group.filter((row) => !there.has(row.id))]
    const [lost, awaited] = [absent.filter((row) => row.attempts >= looksMost), absent.filter((row) => row.attempts < looksMost)]
    const key = (row: Row) => [row.id, row.version]
    await d1.batch([
      write(d1, 'submitted', `state = 'indexed', attempts = 0, error = null, due_at = null`, found.map(key), now()),
      write(d1, 'submitted', `state = 'embedded', attempts = 0, due_at = 0`, lost.map(key), now()),
      write(
        d1,
        'submitted',
        'attempts = attempts + 1, due_at = new.value ->> 2',
        awaited.map((row) => [...key(row), now() + lookAfter(row.attempts + 1)]),
        now(),
      ),
    ])
  }
  return rows.length
}

async function lookUp(index: VectorIndex | null, rows: Row[]): Promise<Set<string>> {
  if (!index) return new Set()
  try {
    return await present(index, rows)
  } catch {
    return new Set()
  }
}

/** Takes the vectors of what was deleted out of the index, then forgets their rows. Resolves with how many rows were due. */
export async function withdraw(env: Env, organization_id: string, now: () => Millis, most: number): Promise<number> {
  const d1 = env.DB
  const rows = await due<Row>(d1, organization_id, 'deleted', now(), most)
  for (const [dimensions, group] of byIndex(rows, (row) => row.indexed_dimensions)) {
    try {
      if (dimensions !== null) await takeOut(env, dimensions, group)
      await d1
        .prepare(
          `delete from vectors where state = 'deleted' and exists
            (select 1 from json_each(?1) gone where gone.value ->> 0 = vectors.id and gone.value ->> 1 = vectors.version)
            and id in (select value ->> 0 from json_each(?1))`,
        )
        .bind(JSON.stringify(group.map((row) => [row.id, row.version])))
        .run()
    } catch (error) {
      const told = group.map((row) => [row.id, row.version, messageOf(error).slice(0, 1000), now() + wait(row.attempts)])
      await write(d1, 'deleted', postponed, told, now()).run()
    }
  }
  return rows.length
}

/** Which of some indexed vectors the index lacks: they are submitted again. Resolves with their ids. */
export async function verify(env: Env, rows: { id: string; version: number; dimensions: number }[], now: Millis): Promise<string[]> {
  const missing: { id: string; version: number }[] = []
  for (const [dimensions, group] of Map.groupBy(rows, (row) => row.dimensions)) {
    const index = indexOf(env, dimensions)
    if (!index) continue
    const there = await present(index, group)
    missing.push(...group.filter((row) => !there.has(row.id)))
  }
  if (missing.length > 0) {
    const again = missing.map((row) => [row.id, row.version])
    await write(env.DB, 'indexed', `state = 'embedded', attempts = 0, due_at = 0`, again, now).run()
  }
  return missing.map((row) => row.id)
}
