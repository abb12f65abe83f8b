import { insertRows } from '../../db/rows'
import type { Env } from '../../env'
import { AppError, messageOf } from '../../lib/errors'
import { log } from '../../lib/log'
import { iso } from '../../lib/time'
import { unownedObjects } from './table'

/** Largest file that may be uploaded, in bytes. */
export const maxFileBytes = 100 * 1024 * 1024

/** R2 takes a stream of unknown length in parts of equal size, at least 5 MiB, the last excepted. One part is held in memory. */
const partBytes = 8 * 1024 * 1024
/** How long an upload may take before what it stored counts as left behind. */
const uploadMs = 24 * 60 * 60_000
/** Objects that one call to R2 deletes. */
const deletedAtOnce = 1_000

export const objectKey = (organizationId: string, folderId: string, fileId: string): string => `${organizationId}/${folderId}/${fileId}`

/** Key of the text that a worker made of a file, beside the file's own. */
export const textKey = (fileKey: string, attempt: number): string => `${fileKey}.${attempt}.md`

/** What was stored of a stream. */
export interface StoredObject {
  size: number
  /** SHA-256, lower-case hex. */
  digest: string
}

const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Stores a stream of unknown length. Throws 413 over `limit` bytes and 422 for an empty one; then, as on any other failure, nothing is stored. */
async function store(bucket: R2Bucket, key: string, bytes: AsyncIterable<Uint8Array>, limit: number): Promise<StoredObject> {
  const digest = new crypto.DigestStream('SHA-256')
  const hash = digest.getWriter()
  let part = new Uint8Array(0)
  let filled = 0
  let size = 0
  let upload: R2MultipartUpload | undefined
  const parts: R2UploadedPart[] = []
  try {
    for await (let chunk of bytes) {
      size += chunk.length
      if (size > limit) throw new AppError('payload_too_large', `The file is over ${limit} bytes.`)
      await hash.write(chunk)
      while (chunk.length > 0) {
        if (filled === part.length) {
          if (filled === partBytes) {
            upload ??= await bucket.createMultipartUpload(key)
            parts.push(await upload.uploadPart(parts.length + 1, part))
            filled = 0
          } else {
            const larger = new Uint8Array(Math.min(partBytes, Math.max(chunk.length, 4 * filled)))
            larger.set(part)
            part = larger
          }
        }
        const taken = chunk.subarray(0, part.length - filled)
        part.set(taken, filled)
        filled += taken.length
        chunk = chunk.subarray(taken.length)
      }
    }
    if (size === 0) throw new AppError('invalid', 'file: is empty', { errors: [{ field: 'file', message: 'is empty' }] })
    await hash.close()
    if (upload) {
      parts.push(await upload.uploadPart(parts.length + 1, part.subarray(0, filled)))
      await upload.complete(parts)
    } else await bucket.put(key, part.subarray(0, filled))
    return { size, digest: hex(await digest.digest) }
  } catch (error) {
    digest.digest.catch(() => undefined)
    await Promise.allSettled([upload?.abort(), hash.abort()])
    throw error
  }
}

/**
 * Stores a file under a key that no row owns yet: `owned` must be in the batch that writes the row. Until then the object is one that is
 * deleted when it is left behind.
 */
export async function storeUnowned(
  env: Env,
  organizationId: string,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
  limit = maxFileBytes,
): Promise<StoredObject> {
  const note = { object_key: key, organization_id: organizationId, due_at: iso(Date.now() + uploadMs) }
  await insertRows(env.DB, unownedObjects, [note], 'on conflict do nothing').run()
  try {
    return await store(env.FILES, key, bytes, limit)
  } catch (error) {
    await dropObjects(env, [key])
    throw error
  }
}

/** Statement that takes a file's object out of those that nobody owns, once the file is there. */
export const owned = (d1: D1Database, key: string, fileId: string): D1PreparedStatement =>
  d1.prepare('delete from unowned_objects where object_key = ?1 and exists (select 1 from files where id = ?2)').bind(key, fileId)

/** Statement that takes the object of a text out of those that nobody owns, once it is the text of the file. */
export const ownedText = (d1: D1Database, key: string, fileId: string): D1PreparedStatement =>
  d1
    .prepare(
      'delete from unowned_objects where object_key = ?1 and exists (select 1 from file_contents where file_id = ?2 and object_key = ?1)',
    )
    .bind(key, fileId)

/**
 * Statement that notes the objects of files that the same batch deletes, those of their texts too: `which` is a condition on `files`.
 * Returns their keys.
 */
export const disowned = (d1: D1Database, which: string, values: unknown[]): D1PreparedStatement =>
  d1
    .prepare(
      `with gone as (select id, organization_id, object_key from files where ${which})
        insert into unowned_objects (object_key, organization_id, due_at)
        select object_key, organization_id, 0 from gone where object_key is not null
        union select c.object_key, gone.organization_id, 0 from gone join file_contents c on c.file_id = gone.id where c.object_key is not null
        on conflict do nothing returning object_key`,
    )
    .bind(...values)

/** Deletes objects that no row owns, at once; what R2 does not take now is deleted by `sweepObjects`. */
export async function dropObjects(env: Env, keys: string[]): Promise<void> {
  try {
    for (let from = 0; from < keys.length; from += deletedAtOnce) {
      const some = keys.slice(from, from + deletedAtOnce)
      await env.FILES.delete(some)
      await env.DB.prepare('delete from unowned_objects where object_key in (select value from json_each(?1))')
        .bind(JSON.stringify(some))
        .run()
    }
  } catch (error) {
    log('warn', { msg: 'objects of deleted files are left for later', rows: keys.length, error: messageOf(error) })
    const due = 'update unowned_objects set due_at = 0 where object_key in (select value from json_each(?1))'
    await env.DB.prepare(due)
      .bind(JSON.stringify(keys))
      .run()
      .catch(() => undefined)
  }
}

/** Deletes at most a thousand objects that were due at `now` and that no row owns. */
export async function sweepObjects(env: Env, now: number): Promise<void> {
  const { results } = await env.DB.prepare('select object_key from unowned_objects where due_at <= ?1 order by due_at limit ?2')
    .bind(now, deletedAtOnce)
    .all<{ object_key: string }>()
  if (results.length > 0)
    await dropObjects(
      env,
      results.map((row) => row.object_key),
    )
}
