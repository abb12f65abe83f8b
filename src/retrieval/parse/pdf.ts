import { messageOf } from '../../lib/errors'
import { inMegabytes, type ParseLimits } from './limits'
import { guardPdf } from './pdf-guard'
import { UnreadableFile } from './unreadable'

/** What pdf.js gives for a run of text. */
interface Run {
  str: string
  hasEOL: boolean
  height: number
  transform: number[]
}

/** Lines further apart than this, in heights of their letters, are of different paragraphs. */
const paragraphGap = 1.7

/** The text of a page: its runs in the order of the page, with an empty line where lines are far apart. */
function pageText(items: (Run | { type: string })[]): string {
  let text = ''
  let line = ''
  let place: { y: number; height: number } | undefined
  const endLine = () => {
    text += `${line.trimEnd()}\n`
    line = ''
  }
  for (const item of items) {
    if (!('str' in item)) continue
    if (item.str.trim()) {
      const y = item.transform[5] ?? 0
      if (place && line === '' && Math.abs(place.y - y) > paragraphGap * Math.max(place.height, item.height, 1)) text += '\n'
      place = { y, height: item.height }
    }
    line += item.str
    if (item.hasEOL) endLine()
  }
  if (line) endLine()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: fonts with a broken encoding give control characters for letters
  return text.replace(/[\0-\x08\x0b-\x1f]/g, '').toWellFormed()
}

/** Lets what waits go on, and the clock, which stands still while a Worker computes. */
const breath = () => new Promise((resolve) => setTimeout(resolve, 0))

/** What a failure of pdf.js means to whoever has the file. */
function explained(error: unknown): UnreadableFile {
  if (error instanceof UnreadableFile) return error
  if ((error as Error | undefined)?.name === 'PasswordException')
    return new UnreadableFile('The PDF is protected by a password. Save it without one and upload it again.')
  return new UnreadableFile(
    `The PDF is damaged and cannot be read (${messageOf(error).slice(0, 200)}). Open it in a viewer, print it to a new PDF and upload that.`,
  )
}

/**
 * The text of a PDF, page by page, each under the heading `Page <n>`. The bytes are changed. Throws UnreadableFile for what is no PDF, is
 * encrypted, damaged, holds no text, or needs more than the limits.
 */
export async function* pdfText(file: Uint8Array, limits: ParseLimits, now: () => number = Date.now): AsyncGenerator<string> {
  guardPdf(file, limits)
  // Half a megabyte of code, which most files do not need.
  const { getDocumentProxy } = await import('unpdf')
  const began = now()
  let letters = 0
  let units = 0
  const pdf = await getDocumentProxy(file, { verbosity: 0, disableFontFace: true, useSystemFonts: false, maxImageSize: 0 }).catch(
    (error: unknown) => Promise.reject(explained(error)),
  )
  try {
    if (pdf.numPages > limits.pages)
      throw new UnreadableFile(`The PDF has ${pdf.numPages} pages, and ${limits.pages} is the most. Split it.`)
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number)
      const text = pageText((await page.getTextContent()).items as Run[])
      page.cleanup()
      letters += text.trim().length
      units += text.length
      if (units > limits.text) throw new UnreadableFile(`The text of the PDF is over ${inMegabytes(limits.text)}. Split it.`)
      if (text.trim()) yield `${number > 1 ? '\n' : ''}## Page ${number}\n\n${text}`
      await breath()
      if (now() - began > limits.ms)
        throw new UnreadableFile(
          `The PDF takes too long to read: page ${number} of ${pdf.numPages} was reached after ${limits.ms / 1000} s. Split it.`,
        )
    }
  } catch (error) {
    throw explained(error)
  } finally {
    await pdf.loadingTask.destroy().catch(() => undefined)
  }
  if (letters === 0)
    throw new UnreadableFile('The PDF holds no text: its pages are pictures. Run text recognition (OCR) over it and upload the result.')
}
