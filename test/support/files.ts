import { readRow } from '../../src/db/rows'
import { files } from '../../src/resources/files/table'
import { bindings } from './agent'
import { type Call, formWith, freshOrganization } from './client'

const { DB, FILES } = bindings

/** Tries `look` until it says something. */
export async function eventually<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (let round = 0; round < 400; round++) {
    const seen = await look()
    if (seen) return seen
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('it did not come about')
}

export async function made(call: Call, path: string, body: unknown): Promise<Record<string, string> & { id: string }> {
  const answer = await call('POST', path, body)
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

export const upload = (call: Call, folderId: string, content: string | Uint8Array<ArrayBuffer>, name: string, query = '') =>
  call('POST', `/v1/folders/${folderId}/upload${query}`, formWith(content, name))

/** The file once its processing has ended. */
export const finished = (call: Call, folderId: string, fileId: string) =>
  eventually(async () => {
    const { body } = await call('GET', `/v1/folders/${folderId}/files/${fileId}`)
    return ['completed', 'error'].includes(body.processing_status) && body
  })

/** Uploads a text and waits until it is processed. */
export async function uploaded(call: Call, folderId: string, content: string, name: string): Promise<string> {
  const { status, body } = await upload(call, folderId, content, name)
  if (status !== 200) throw new Error(JSON.stringify(body))
  const { processing_status } = await finished(call, folderId, body.id)
  if (processing_status !== 'completed') throw new Error(`${name}: ${processing_status}`)
  return body.id
}

/** Keys of the objects that an organization has in R2. */
export const objectsOf = async (organizationId: string): Promise<string[]> =>
  (await FILES.list({ prefix: `${organizationId}/` })).objects.map(({ key }) => key)

/** How many rows of an organization a table has. */
export const countOf = async (table: string, organizationId: string): Promise<number> =>
  (await DB.prepare(`select count(*) as n from ${table} where organization_id = ?1`).bind(organizationId).first<{ n: number }>())?.n ?? -1

/** A fresh organization with a folder. */
export async function withFolder() {
  const member = await freshOrganization()
  return { ...member, folder: (await made(member.call, '/v1/folders', { name: 'docs' })).id }
}

export const retrieve = async (call: Call, folderId: string, fileId: string, query = '') =>
  (await call('GET', `/v1/folders/${folderId}/files/${fileId}${query}`)).body

/** The row of a file. */
export const fileRow = async (id: string) =>
  readRow(files, (await DB.prepare('select * from files where id = ?1').bind(id).first<Record<string, unknown>>()) ?? {})

/** The places in a file that its stored passages have. */
export const positions = async (id: string): Promise<number[]> => {
  const passages = DB.prepare('select position from source_passages where file_id = ?1 order by position').bind(id)
  return (await passages.all<{ position: number }>()).results.map((row) => row.position)
}
