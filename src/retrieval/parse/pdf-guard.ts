import { Inflate } from 'fflate'
import { inMegabytes, type ParseLimits } from './limits'
import { UnreadableFile } from './unreadable'

// pdf.js unpacks a stream as a whole, however long it becomes. What its streams would become is therefore counted before it sees a file:
// each place where a stream may begin is unpacked here, to nowhere, and the file is refused when that is too much.

const pieceBytes = 4 * 1024
/** What a stream that cannot be unpacked counts for, so that a file of nothing else is given up soon. */
const damagedBytes = 256 * 1024
/** Longest stream that is written in the characters of a text, in bytes. */
const asTextBytes = 4 * 1024 * 1024
const keyword = [...'stream'].map((char) => char.charCodeAt(0))
const latin = new TextDecoder('latin1')

/** Counts what unpacking takes and makes; throws when it is too much. */
type Count = (bytes: number) => void

/** Unpacks deflated data as far as it goes. What does not begin as such data does, pdf.js does not unpack either. */
function inflated(data: Uint8Array, count: Count): void {
  const [method = 0, flags = 0] = data
  if ((method & 0x0f) !== 8 || ((method << 8) | flags) % 31 !== 0 || flags & 0x20) return
  let made = 0
  const inflate = new Inflate((chunk) => {
    made = chunk.length
  })
  let barren = 0
  for (let at = 2; at < data.length && barren < 2; at += pieceBytes) {
    made = 0
    count(pieceBytes)
    try {
      inflate.push(data.subarray(at, at + pieceBytes))
    } catch {
      count(damagedBytes)
      return
    }
    // After the end of the data there is nothing more, whatever follows it.
    barren = made === 0 ? barren + 1 : 0
    count(made)
  }
}

/** How long LZW-packed data is unpacked. Only the lengths of the entries of the table matter. */
function unpackedLzw(data: Uint8Array, count: Count, early: number): void {
  const lengths = new Uint32Array(4097).fill(1, 0, 256)
  let next = 258
  let width = 9
  let previous = 0
  let bits = 0
  let held = 0
  let at = 0
  let sum = 0
  while (at < data.length) {
    while (held < width && at < data.length) {
      bits = ((bits << 8) | (data[at++] ?? 0)) & 0xffffff
      held += 8
    }
    if (held < width) break
    held -= width
    const code = (bits >> held) & ((1 << width) - 1)
    if (code === 257 || code > next) break
    if (code === 256) {
      next = 258
      width = 9
      previous = 0
      continue
    }
    const length = code < next ? (lengths[code] ?? 0) : previous + 1
    if (previous > 0 && next < 4096) lengths[next++] = previous + 1
    if (next + early >= 1 << width && width < 12) width++
    previous = length
    sum += length
    if (sum > 65_536) {
      count(sum)
      sum = 0
    }
  }
  count(sum + at)
}

function unpackedRuns(data: Uint8Array, count: Count): void {
  let sum = 0
  for (let at = 0; at < data.length; ) {
    const length = data[at] ?? 128
    if (length === 128) break
    sum += length < 128 ? length + 1 : 257 - length
    at += length < 128 ? length + 2 : 2
    if (sum > 65_536) {
      count(sum)
      sum = 0
    }
  }
  count(sum)
}

/** The bytes of a stream that is written in hexadecimal digits or in base 85, up to the mark that ends it. */
function fromText(data: Uint8Array, filter: string, count: Count): Uint8Array {
  const hex = filter.startsWith('ASCIIHex') || filter === 'AHx'
  const end = data.subarray(0, asTextBytes).indexOf(hex ? 0x3e : 0x7e)
  if (end < 0 && data.length > asTextBytes)
    throw new UnreadableFile('The PDF has a long stream that is written as text, which is not read. Print it to a new PDF and upload that.')
  const text = end < 0 ? data : data.subarray(0, end)
  count(4 * text.length)
  return hex ? fromHex(text) : from85(text)
}

function fromHex(text: Uint8Array): Uint8Array {
  const digits = latin.decode(text).replace(/[^0-9a-f]/gi, '')
  return Uint8Array.from({ length: digits.length >> 1 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

function from85(text: Uint8Array): Uint8Array {
  const out = new Uint8Array(text.length * 4)
  let size = 0
  let group: number[] = []
  const flush = () => {
    const given = group.length
    while (group.length < 5) group.push(84)
    const value = group.reduce((sum, digit) => sum * 85 + digit, 0)
    for (let i = 0; i < given - 1; i++) out[size++] = Math.floor(value / 256 ** (3 - i)) & 255
    group = []
  }
  for (const byte of text) {
    if (byte === 0x7a && group.length === 0) size += 4
    else if (byte >= 0x21 && byte <= 0x75) group.push(byte - 0x21)
    if (group.length === 5) flush()
  }
  if (group.length > 1) flush()
  return out.subarray(0, size)
}

const filterNames = /\/(FlateDecode|Fl|LZWDecode|LZW|RunLengthDecode|RL|ASCII85Decode|A85|ASCIIHexDecode|AHx)(?![\w.#-])/g
const unpackers: Record<string, (data: Uint8Array, count: Count, early: number) => void> = {
  F: inflated,
  L: unpackedLzw,
  R: unpackedRuns,
}

/** Counts what the stream that begins at `start` becomes; `before` is what precedes it, in which its filters are named. */
function checkStream(file: Uint8Array, start: number, before: string, count: Count): void {
  const filters = [...before.matchAll(filterNames)].map(([, name = '']) => name)
  if (filters.length === 0) {
    if (/\/(?:Filter|F)\s*(?:%[^\r\n]*[\r\n]\s*)*\d+\s+\d+\s+R/.test(before))
      throw new UnreadableFile('The PDF names the filters of a stream elsewhere, which is not read. Print it to a new PDF and upload that.')
    return
  }
  const packing = filters.filter((name) => !name.startsWith('A'))
  if (packing.length > 1 || filters.length > 4)
    throw new UnreadableFile(
      'The PDF has a stream that is packed more than once, which is not read. Print it to a new PDF and upload that.',
    )
  const [name = ''] = packing
  let data = file.subarray(start)
  for (const filter of filters.slice(0, filters.indexOf(name))) data = fromText(data, filter, count)
  unpackers[name.charAt(0)]?.(data, count, /\/EarlyChange\s+0/.test(before) ? 0 : 1)
}

/** Place of the next `stream` in a file, the word or the end of `endstream`; -1 when there is none. */
function nextStream(file: Uint8Array, from: number): number {
  for (let at = file.indexOf(0x73, from); at >= 0; at = file.indexOf(0x73, at + 1)) {
    if (keyword.every((byte, i) => file[at + i] === byte)) return at
  }
  return -1
}

/** Where the data of a stream begins: after the line break that follows the word. */
function dataStart(file: Uint8Array, word: number): number {
  let at = word + keyword.length
  while (file[at] === 0x20) at++
  if (file[at] === 0x0d) at++
  if (file[at] === 0x0a) at++
  return at
}

const isEnd = (file: Uint8Array, word: number) => latin.decode(file.subarray(Math.max(0, word - 3), word)) === 'end'

/**
 * Makes a PDF safe to hand to pdf.js, in place: the data of images, which hold no text, is made invalid. Throws UnreadableFile for what is
 * no PDF, for an encrypted one, whose streams cannot be looked into, and for one with streams that unpack to more than the limits.
 */
export function guardPdf(file: Uint8Array, limits: ParseLimits): void {
  if (!latin.decode(file.subarray(0, 1024)).includes('%PDF-'))
    throw new UnreadableFile('The file is no PDF: it does not begin as one. If it has another format, upload it under the right ending.')
  let total = 0
  let windowStart = 0
  for (let more = true; more; ) {
    const word = nextStream(file, windowStart)
    more = word >= 0
    const window = latin
      .decode(file.subarray(windowStart, more ? word : file.length))
      .replace(/#([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))
    if (/\/Encrypt(?![\w.#-])/.test(window))
      throw new UnreadableFile(
        'The PDF is encrypted or protected. Save it without a password and without restrictions, and upload it again.',
      )
    if (!more) return
    windowStart = word + keyword.length
    if (isEnd(file, word)) continue
    const start = dataStart(file, word)
    if (/\/Subtype\s*\/Image(?![\w.#-])/.test(window)) {
      file.fill(0, start, Math.min(file.length, start + 2))
      continue
    }
    let part = 0
    checkStream(file, start, window, (bytes) => {
      part += bytes
      total += bytes
      if (part > limits.unpackedPart || total > limits.unpackedTotal) {
        const most = part > limits.unpackedPart ? limits.unpackedPart : limits.unpackedTotal
        throw new UnreadableFile(`The PDF unpacks to more than ${inMegabytes(most)}. Split it, or upload its text.`)
      }
    })
  }
}
