import type { Env } from '../../env'
import { decoded } from '../../retrieval/parse'
import { longestView } from './open'
import { type FileView, type LineRange, viewOf } from './window'

/** Where the text of a file is. */
export interface StoredText {
  text: string
  object_key: string | null
  lines: number
}

/** Bytes that are read without a pause. */
const pauseBytes = 64 * 1024

/**
 * The bytes of an object, in pieces of at most some tens of kilobytes. Now and then others get their turn: whoever reads a long file
 * computes on every piece, and what is read ahead would be worked off without a pause. Throws when the object is not there.
 */
export async function* bytesOf(bucket: R2Bucket, key: string): AsyncGenerator<Uint8Array> {
  const object = await bucket.get(key)
  if (!object) throw new Error(`the object ${key} is missing`)
  let unpaused = 0
  for await (const chunk of object.body as AsyncIterable<Uint8Array>) {
    for (let at = 0; at < chunk.length; at += pauseBytes) {
      const piece = chunk.subarray(at, at + pauseBytes)
      unpaused += piece.length
      if (unpaused > pauseBytes) {
        await new Promise((resolve) => setTimeout(resolve, 0))
        unpaused = 0
      }
      yield piece
    }
  }
}

async function* only(text: string): AsyncGenerator<string> {
  if (text) yield text
}

/** The text of a file in pieces. */
export const textOf = (env: Env, { text, object_key }: Pick<StoredText, 'text' | 'object_key'>): AsyncGenerator<string> =>
  object_key === null ? only(text) : decoded(bytesOf(env.FILES, object_key))

/** The text of a file as a whole; null when it is longer than `most` UTF-16 units. */
export async function wholeText(env: Env, stored: Pick<StoredText, 'text' | 'object_key'>, most: number): Promise<string | null> {
  let whole = ''
  for await (const piece of textOf(env, stored)) {
    whole += piece
    if (whole.length > most) return null
  }
  return whole
}

/** The texts of the files that have been read by now, by the file's id; of those in rows the first `most` characters, when that is given. */
export async function storedTexts(env: Env, fileIds: string[], most?: number): Promise<Map<string, StoredText>> {
  if (fileIds.length === 0) return new Map()
  const { results } = await env.DB.prepare(
    `select file_id, ${most === undefined ? 'text' : 'substr(text, 1, ?2) as text'}, object_key, lines
      from file_contents where file_id in (select value from json_each(?1)) and lines is not null`,
  )
    .bind(JSON.stringify(fileIds), ...(most === undefined ? [] : [most]))
    .all<StoredText & { file_id: string }>()
  return new Map(results.map(({ file_id, ...stored }) => [file_id, stored]))
}

/** What an agent sees of a text that it opens. */
export const openView = (env: Env, stored: StoredText, limit: number, range: LineRange = {}): Promise<FileView> =>
  viewOf(textOf(env, stored), stored.lines, range, Math.min(limit, longestView))
