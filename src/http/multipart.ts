import type { Readable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import { AppError, isAppError, messageOf } from '../lib/errors'

/** A file in a form, as it arrives. `name` is without folders, `type` what the sender says it is. */
export interface FormFile {
  name: string
  type: string
  bytes: AsyncIterable<Uint8Array>
}

const notForm = (field: string) =>
  new AppError('unsupported_media_type', `Send the file as multipart/form-data, in a part named '${field}' that has a file name.`)

/** Most bytes of a form besides its file: boundaries, headers, other fields. */
const overhead = 64 * 1024

/**
 * Hands the file in the part `field` of a multipart/form-data request to `take` while it arrives, so that no more of it than one chunk is
 * in memory; resolves with what `take` makes of it. Other parts are skipped. Throws 415 when the body is no form, 422 without that part,
 * 400 when the form breaks off, which `bytes` throws too, and 413 when all of it is over `limit` bytes.
 */
export async function receiveFile<T>(request: Request, field: string, limit: number, take: (file: FormFile) => Promise<T>): Promise<T> {
  const type = request.headers.get('content-type') ?? ''
  if (!/^multipart\/form-data\s*;/i.test(type) || !request.body) throw notForm(field)
  if (Number(request.headers.get('content-length') ?? 0) > limit + overhead)
    throw new AppError('payload_too_large', `The file is over ${limit} bytes.`)
  const form = openForm(type, field)
  const taken = Promise.withResolvers<T>()
  let file: Readable | undefined
  let broken: AppError | undefined
  // Who takes the file learns it from the bytes, so as to clean up before the answer.
  const breakOff = (error: unknown) => {
    broken ??= isAppError(error)
      ? error
      : new AppError('bad_request', `The form cannot be read: ${messageOf(error)}. Send it again, whole.`)
    if (file) file.destroy(broken)
    else taken.reject(broken)
  }
  form.on('error', breakOff)
  form.on('file', (name, stream, filename, _encoding, mimeType) => {
    stream.on('error', breakOff)
    if (file || name !== field || !filename) return void stream.resume()
    file = stream
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of stream) yield chunk
      // The parser ends the stream of a part that broke off like any other.
      if (broken) throw broken
    }
    take({ name: filename, type: mimeType, bytes: bytes() }).then(taken.resolve, (error) => taken.reject(broken ?? error))
  })
  form.on('finish', () => {
    if (!file) taken.reject(broken ?? new AppError('invalid', `${field}: is required`, { errors: [{ field, message: 'is required' }] }))
  })
  const reader = request.body.getReader()
  const pumping = pump(reader, form, limit + overhead).catch(breakOff)
  try {
    return await taken.promise
  } finally {
    const stopped = broken !== undefined || (file?.destroyed && !file.readableEnded)
    if (!stopped) {
      // A client that is still sending would not see the answer: the rest is read too, to no effect.
      file?.resume()
      await pumping
    }
    await reader.cancel().catch(() => undefined)
  }
}

function openForm(type: string, field: string) {
  try {
    return new Busboy({ headers: { 'content-type': type }, limits: { fieldSize: overhead, parts: 100 } })
  } catch {
    throw notForm(field)
  }
}

/** Writes what is read into the form, no faster than its parts are taken. Throws 413 over `most` bytes. */
async function pump(reader: ReadableStreamDefaultReader<Uint8Array>, form: InstanceType<typeof Busboy>, most: number): Promise<void> {
  let bytes = 0
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    bytes += chunk.value.length
    if (bytes > most) throw new AppError('payload_too_large', `The form is over ${most} bytes.`)
    if (!form.write(chunk.value)) await new Promise<void>((resolve) => form.once('drain', () => resolve()))
  }
  form.end()
}
