import { strToU8, zipSync } from 'fflate'
import { PDFDocument, StandardFonts } from 'pdf-lib'

/** A stream of the bytes, in pieces of so many. */
export async function* bytesIn(bytes: Uint8Array | string, size = 65_536): AsyncGenerator<Uint8Array> {
  const all = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size)
}

/** A PDF with a text on each page, one line a line. */
export async function pdfOf(pages: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const pdf = await PDFDocument.create()
  const font = await pdf.embedFont(StandardFonts.Helvetica)
  for (const text of pages) {
    const page = pdf.addPage([600, 800])
    text.split('\n').forEach((line, i) => {
      if (line) page.drawText(line, { x: 50, y: 750 - 15 * i, size: 12, font })
    })
  }
  return new Uint8Array(await pdf.save())
}

/** A PDF written by hand: its objects, each `n 0 obj … endobj`, numbered from 1; the first is the catalog. No table of places. */
export function rawPdf(objects: (string | { dict: string; data: Uint8Array })[], trailer = ''): Uint8Array<ArrayBuffer> {
  const latin = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
  const parts: Uint8Array[] = [latin('%PDF-1.7\n')]
  objects.forEach((object, i) => {
    if (typeof object === 'string') parts.push(latin(`${i + 1} 0 obj\n${object}\nendobj\n`))
    else {
      const head = `${i + 1} 0 obj\n<< ${object.dict} /Length ${object.data.length} >>\nstream\n`
      parts.push(latin(head), object.data, latin('\nendstream\nendobj\n'))
    }
  })
  parts.push(latin(`trailer\n<< /Root 1 0 R /Size ${objects.length + 1} ${trailer} >>\n%%EOF\n`))
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A PDF of one page whose content is the given stream. */
export const pdfWithContent = (dict: string, data: Uint8Array, trailer = ''): Uint8Array<ArrayBuffer> =>
  rawPdf(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
      { dict, data },
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ],
    trailer,
  )

const word = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

/** A Word document of parts written by hand: `body` is what is in `w:body`; others by their names. */
export function docxOf(body: string, parts: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const all = { 'word/document.xml': `<?xml version="1.0"?><w:document ${word}><w:body>${body}</w:body></w:document>`, ...parts }
  return zipSync(Object.fromEntries(Object.entries(all).map(([name, text]) => [name, strToU8(text)]))) as Uint8Array<ArrayBuffer>
}

/** A paragraph of a Word document. */
export const paragraph = (text: string, properties = ''): string =>
  `<w:p><w:pPr>${properties}</w:pPr><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`
