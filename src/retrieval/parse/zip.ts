import { Inflate } from 'fflate'
import { inMegabytes, type ParseLimits } from './limits'
import { UnreadableFile } from './unreadable'

/** A file in an archive, as its directory declares it. */
interface Entry {
  method: number
  /** Its compressed bytes; empty when the archive breaks off before. */
  data: Uint8Array
}

const pieceBytes = 4 * 1024
/** Unpacked size beyond which an entry's ratio to its packed size is looked at, and the largest ratio that counts as honest. */
const ratio = { from: 4 * 1024 * 1024, most: 300 }

const damaged = (why: string) =>
  new UnreadableFile(`The file is damaged: ${why}. Open it in its own program, save it again and upload that.`)

/** Place of the record that ends an archive; -1 when there is none. */
function endOf(view: DataView): number {
  const first = Math.max(0, view.byteLength - 22 - 0xffff)
  for (let at = view.byteLength - 22; at >= first; at--) if (view.getUint32(at, true) === 0x06054b50) return at
  return -1
}

/**
 * The files of a zip archive by their names, read from its directory; nothing is unpacked. Throws UnreadableFile for bytes that are no zip
 * archive, for one that is encrypted, and for more than `most` files.
 */
export function entriesOf(file: Uint8Array, most: number): Map<string, Entry> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const end = file.length < 22 ? -1 : endOf(view)
  if (end < 0) throw damaged('it is no zip archive, or its end is missing')
  const count = view.getUint16(end + 10, true)
  if (count > most) throw new UnreadableFile(`The archive holds ${count} files, and ${most} is the most.`)
  const entries = new Map<string, Entry>()
  let at = view.getUint32(end + 16, true)
  for (let n = 0; n < count; n++) {
    if (at + 46 > file.length || view.getUint32(at, true) !== 0x02014b50) throw damaged('the directory of its archive is cut off')
    if (view.getUint16(at + 8, true) & 1) throw new UnreadableFile('The file is encrypted. Save it without a password and upload it again.')
    const name = new TextDecoder().decode(file.subarray(at + 46, at + 46 + view.getUint16(at + 28, true)))
    const local = view.getUint32(at + 42, true)
    const packed = view.getUint32(at + 20, true)
    const whole = local + 30 <= file.length
    const start = whole ? local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true) : file.length
    entries.set(name, { method: view.getUint16(at + 10, true), data: file.subarray(start, start + packed) })
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  return entries
}

/** Counts what is unpacked of one archive. */
export interface Unpacked {
  bytes: number
}

/**
 * Unpacks a file of an archive piece by piece; what the archive says its size is does not count. Throws UnreadableFile when it, or with
 * what `total` counted before all of them, is over the limits, and when it is damaged.
 */
export function* unpacked(name: string, entry: Entry, limits: ParseLimits, total: Unpacked): Generator<Uint8Array> {
  const bomb = (why: string) =>
    new UnreadableFile(`'${name}' in the file unpacks to ${why}. A document does not need that; it is not read.`)
  let size = 0
  let ready: Uint8Array[] = []
  const count = (chunk: Uint8Array, packed: number) => {
    size += chunk.length
    total.bytes += chunk.length
    if (size > limits.unpackedPart) throw bomb(`more than ${inMegabytes(limits.unpackedPart)}`)
    if (total.bytes > limits.unpackedTotal) throw bomb(`more than ${inMegabytes(limits.unpackedTotal)} with the other parts`)
    if (size > ratio.from && size > ratio.most * packed) throw bomb(`more than ${ratio.most} times its size`)
  }
  if (entry.method === 0) {
    count(entry.data, entry.data.length)
    yield entry.data
    return
  }
  if (entry.method !== 8) throw damaged(`'${name}' is packed in a way (${entry.method}) that is not read`)
  const inflate = new Inflate((chunk) => ready.push(chunk))
  for (let at = 0; at < entry.data.length; at += pieceBytes) {
    try {
      inflate.push(entry.data.subarray(at, at + pieceBytes), at + pieceBytes >= entry.data.length)
    } catch {
      throw damaged(`'${name}' cannot be unpacked`)
    }
    const chunks = ready
    ready = []
    for (const chunk of chunks) {
      count(chunk, entry.data.length)
      yield chunk
    }
  }
}
