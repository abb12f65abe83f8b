import type { Ctx } from '../../context'
import { brokenConstraint } from '../../db/errors'
import { readRow } from '../../db/rows'
import { AppError, notFound } from '../../lib/errors'
import { disowned, dropObjects, objectKey, owned, type StoredObject, storeUnowned } from './objects'
import type { UploadQuery } from './schema'
import { type FileRow, fileRows, nameWithin } from './service'
import { files } from './table'
import { fileTypeOf, suffixed, supportedTypes } from './types'

/** A file on its way here. */
export interface IncomingFile {
  name: string
  type: string
  bytes: AsyncIterable<Uint8Array>
}

/** The file that an upload came to: `stored` by this request, or `skipped`, or made by an earlier try. */
export interface Uploaded {
  file: FileRow
  outcome: 'stored' | 'skipped' | 'made before'
}

/** The last part of a path, without control characters; at most 255 characters. */
function cleanName(given: string): string {
  const name =
    given
      .replace(/\p{Cc}/gu, '')
      .split(/[/\\]/)
      .at(-1)
      ?.trim() ?? ''
  if (name === '') throw new AppError('invalid', 'file: needs a name; send one with the part, or as the query parameter `name`')
  if (name.length > 255) throw new AppError('invalid', `file: its name is ${name.length} characters long. At most 255 can be kept.`)
  return name
}

/** The names in a folder that begin as `name` does, and the ids of their files. */
async function namesLike(ctx: Ctx, folderId: string, name: string): Promise<Map<string, string>> {
  const stem = name.replace(/\.[^.]*$/, '')
  const { results } = await ctx.env.DB.prepare(
    `select f.id, f.file_name from sources s join files f on f.source_id = s.id and f.is_deleted = 0
        and f.file_name >= s.name || '/' || ?2 and f.file_name < s.name || '/' || ?2 || char(1114111)
      where s.id = ?1 and s.organization_id = ?3`,
  )
    .bind(folderId, stem, ctx.actor.organization_id)
    .all<{ id: string; file_name: string }>()
  return new Map(results.map((row) => [nameWithin(row.file_name) ?? '', row.id]))
}

const nameTaken = (name: string) =>
  new AppError('bad_request', `The folder has a file named '${name}' already. Choose another name, or another duplicate_handling.`, {
    code: 'name_taken',
  })

interface NewFile extends StoredObject {
  id: string
  folder_id: string
  name: string
  original: string
  type: string
  key: string
}

/**
 * Writes the row of a stored file, in place of the file `replaced`. Null when the folder has a file of that name; throws 404 when the folder
 * was deleted meanwhile.
 */
async function insert(ctx: Ctx, file: NewFile, replaced: string | null): Promise<FileRow | null> {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const old = [replaced ?? '', file.folder_id, organization_id]
  const which = 'id = ?1 and source_id = ?2 and organization_id = ?3'
  try {
    const [dropped, , inserted] = await d1.batch<Record<string, unknown>>([
      disowned(d1, which, old),
      d1.prepare(`delete from files where ${which}`).bind(...old),
      d1
        .prepare(
          `insert into files (id, organization_id, source_id, file_name, original_file_name, file_type, file_size, processing_status,
              object_key, content_hash, created_at, updated_at, created_by_id, last_updated_by_id)
            select ?3, organization_id, id, name || '/' || ?4, ?5, ?6, ?7, 'pending', ?8, ?9, ?10, ?10, ?11, ?11
            from sources where id = ?1 and organization_id = ?2 and is_deleted = 0 returning *`,
        )
        .bind(
          file.folder_id,
          organization_id,
          file.id,
          file.name,
          file.original,
          file.type,
          file.size,
          file.key,
          file.digest,
          Date.now(),
          user_id,
        ),
      owned(d1, file.key, file.id),
    ])
    const [row] = inserted?.results ?? []
    if (!row) throw notFound('Folder', file.folder_id)
    await dropObjects(
      ctx.env,
      (dropped?.results ?? []).map((each) => each.object_key as string),
    )
    return readRow(files, row)
  } catch (error) {
    if (brokenConstraint(error)?.kind === 'unique') return null
    throw error
  }
}

/**
 * Stores a file that arrives in a folder: first its bytes, then its row, so that there is no row without them. Its processing is the
 * caller's to start. Throws 415 before a byte is read when its type is not read here.
 */
export async function uploadFile(ctx: Ctx, folderId: string, id: string, incoming: IncomingFile, query: UploadQuery): Promise<Uploaded> {
  const original = cleanName(incoming.name)
  const name = query.name === undefined ? original : cleanName(query.name)
  const converts = ctx.env.AI !== undefined
  const type = fileTypeOf([name, original], incoming.type, converts)
  if (!type) {
    const detail = `'${name}' is of a type that this server does not read. It reads ${supportedTypes(converts)}.`
    throw new AppError('unsupported_media_type', detail)
  }
  const asked = (await namesLike(ctx, folderId, name)).get(name)
  if (asked && query.duplicate_handling === 'skip') return { file: await fileRows.get(ctx, asked), outcome: 'skipped' }
  if (asked && query.duplicate_handling === 'error') throw nameTaken(name)
  const key = objectKey(ctx.actor.organization_id, folderId, id)
  const stored = await storeUnowned(ctx.env, ctx.actor.organization_id, key, incoming.bytes)
  try {
    return await claimName(ctx, { ...stored, id, folder_id: folderId, name, original, type, key }, query)
  } catch (error) {
    await dropObjects(ctx.env, [key])
    throw error
  }
}

/** Writes the row under the name that the handling of duplicates gives it. Another upload may take that name at any moment: then again. */
async function claimName(ctx: Ctx, file: NewFile, { duplicate_handling }: UploadQuery): Promise<Uploaded> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const names = await namesLike(ctx, file.folder_id, file.name)
    const same = names.get(file.name) ?? null
    if (same && duplicate_handling === 'error') throw nameTaken(file.name)
    if (same && duplicate_handling === 'skip') {
      await dropObjects(ctx.env, [file.key])
      return { file: await fileRows.get(ctx, same), outcome: 'skipped' }
    }
    const name = duplicate_handling === 'suffix' ? suffixed(file.name, new Set(names.keys())) : file.name
    const row = await insert(ctx, { ...file, name }, duplicate_handling === 'replace' ? same : null)
    if (row) return { file: row, outcome: 'stored' }
  }
  throw new AppError('conflict', `Too many files named '${file.name}' arrive in the folder at once. Try again.`)
}
