const megabyte = 1024 * 1024

/** What reading one file may take, whatever it holds. A file that needs more is an UnreadableFile. */
export interface ParseLimits {
  /** Largest file of a format that is read as a whole (PDF, DOCX, what a converter takes), in bytes. */
  wholeBytes: number
  /** Most that one compressed part of a file may unpack to, and all of them together, in bytes. */
  unpackedPart: number
  unpackedTotal: number
  /** Files in an archive. */
  entries: number
  pages: number
  /** Longest text that is made of a file which is read as a whole, in UTF-16 units. */
  text: number
  /** Longest time that reading a PDF may take, looked at between pages, in milliseconds. */
  ms: number
}

export const parseLimits: ParseLimits = {
  wholeBytes: 25 * megabyte,
  unpackedPart: 32 * megabyte,
  unpackedTotal: 192 * megabyte,
  entries: 10_000,
  pages: 5_000,
  text: 50_000_000,
  ms: 120_000,
}

export const inMegabytes = (bytes: number): string => `${Math.ceil((bytes / megabyte) * 10) / 10} MB`
