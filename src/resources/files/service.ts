import { and, eq, sql } from 'drizzle-orm'
import type { Ctx } from '../../context'
import { listPage } from '../../db/page'
import { repository } from '../../db/repository'
import type { Row } from '../../db/rows'
import { notFound } from '../../lib/errors'
import type { Page } from '../../lib/page'
import { folders } from '../folders/table'
import { pokeIndex } from '../indexes/poke'
import { type StoredText, storedTexts, wholeText } from './contents'
import { disowned, dropObjects } from './objects'
import { files } from './table'

export type FileRow = Row<typeof files>

export const folderRows = repository(folders, 'Folder')
export const fileRows = repository(files, 'File')

/** Longest text that is sent in a list, and of a whole page of one, in UTF-16 units. */
const textsMost = 16 * 1024 * 1024

/** The name of a file within its folder: stored names begin with the folder's. */
export const nameWithin = (stored: string | null): string | null => stored?.slice(stored.lastIndexOf('/') + 1) ?? null

/** A file as the API shows it, under its name within the folder. */
export const fileOf = (row: FileRow, content: string | null = null) => ({
  ...row,
  folder_id: row.source_id,
  file_name: nameWithin(row.file_name),
  content,
})
export type FileState = ReturnType<typeof fileOf>

/** Files whose texts are read at once. */
const readAtOnce = 16

/** Rows with their texts, as many from the first on as a page may hold. */
async function withTexts(ctx: Ctx, rows: FileRow[]): Promise<FileState[]> {
  const sent: FileState[] = []
  let units = 0
  for (let from = 0; from < rows.length; from += readAtOnce) {
    const some = rows.slice(from, from + readAtOnce)
    const texts = await storedTexts(
      ctx.env,
      some.map((row) => row.id),
    )
    for (const row of some) {
      const stored = texts.get(row.id)
      const content = stored ? await wholeText(ctx.env, stored, textsMost) : null
      units += content?.length ?? 0
      if (units > textsMost && sent.length > 0) return sent
      sent.push(fileOf(row, content))
    }
  }
  return sent
}

/** Files of folders. Every verb throws 404 for a folder that is not there. */
export const fileService = {
  async list(ctx: Ctx, folderId: string, query: Page & { include_content?: boolean | undefined }): Promise<FileState[]> {
    await folderRows.get(ctx, folderId)
    // The `+` keeps the organization's index out of the plan: the folder's has the order.
    const where = and(
      eq(files.source_id, folderId),
      sql`+${files.organization_id} = ${ctx.actor.organization_id}`,
      eq(files.is_deleted, false),
    )
    const rows = await listPage(ctx.db, files, { by: files.created_at, id: files.id }, query, where)
    return query.include_content ? withTexts(ctx, rows) : rows.map((row) => fileOf(row))
  },

  async get(ctx: Ctx, folderId: string, fileId: string): Promise<FileRow> {
    await folderRows.get(ctx, folderId)
    const row = await fileRows.get(ctx, fileId)
    if (row.source_id !== folderId) throw notFound('File', fileId)
    return row
  },

  /** Where the text of a file is; null while it is not read. */
  async text(ctx: Ctx, fileId: string): Promise<StoredText | null> {
    return (await storedTexts(ctx.env, [fileId])).get(fileId) ?? null
  },

  /** Deletes a file, its text, passages and places in agents in one batch, then its object. */
  async remove(ctx: Ctx, folderId: string, fileId: string): Promise<void> {
    await folderRows.get(ctx, folderId)
    const d1 = ctx.env.DB
    const values = [fileId, folderId, ctx.actor.organization_id]
    const which = 'id = ?1 and source_id = ?2 and organization_id = ?3'
    const [objects, deleted] = await d1.batch<{ object_key: string }>([
      disowned(d1, which, values),
      d1.prepare(`delete from files where ${which} returning id`).bind(...values),
    ])
    if (!deleted?.results.length) throw notFound('File', fileId)
    ctx.later(pokeIndex(ctx.env, ctx.actor.organization_id))
    await dropObjects(
      ctx.env,
      (objects?.results ?? []).map((row) => row.object_key),
    )
  },
}
