import fc from 'fast-check'
import { strToU8, zipSync, zlibSync } from 'fflate'
import { describe, expect, it, vi } from 'vitest'
import { docxType, type ParseLimits, parsed, parseLimits, pdfType, UnreadableFile } from '../../../src/retrieval/parse'
import { bytesIn, docxOf, paragraph, pdfOf, pdfWithContent, rawPdf } from '../../support/documents'

const megabyte = 1024 * 1024

// Packing what is to be refused takes longer than refusing it.
vi.setConfig({ testTimeout: 60_000 })

async function read(
  bytes: Uint8Array | string | AsyncIterable<Uint8Array>,
  type: string,
  limits: ParseLimits = parseLimits,
): Promise<string> {
  const source = bytes instanceof Uint8Array || typeof bytes === 'string' ? bytesIn(bytes) : bytes
  const { text } = await parsed({ name: 'file', type, bytes: source }, { limits })
  let whole = ''
  for await (const piece of text) whole += piece
  return whole
}
const why = (bytes: Parameters<typeof read>[0], type: string, limits?: ParseLimits) =>
  read(bytes, type, limits).then(
    () => 'read',
    (error: unknown) => {
      expect(error).toBeInstanceOf(UnreadableFile)
      return (error as Error).message
    },
  )

/** A text of one character, repeated, without ever being whole. */
async function* endless(piece: string, bytes: number): AsyncGenerator<Uint8Array> {
  const chunk = new TextEncoder().encode(piece.repeat(Math.ceil(megabyte / piece.length)))
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk
}

const smallZeros = zlibSync(new Uint8Array(34 * megabyte), { level: 9 })

describe('text that is no text', () => {
  it.each(['text/plain', 'application/json', 'text/html', 'text/csv'])('of the type %s is refused at its first NUL', async (type) => {
    expect(await why(new Uint8Array([0x61, 0x00, 0x62]), type)).toMatch(/NUL bytes.*UTF-8/)
    expect(await why(new Uint8Array([0xff, 0xfe, 0x61, 0x00, 0x00, 0x00]), type)).toMatch(/NUL bytes.*UTF-8/)
  })
})

describe('HTML', () => {
  it('of a hundred thousand nested elements is read, and closed in any order', async () => {
    const deep = 100_000
    for (const name of ['div', 'ul', 'table', 'b', 'blockquote', 'span hidden', 'unknown']) {
      const text = await read(`${`<${name}>`.repeat(deep)}deep${`</${name.split(' ')[0]}>`.repeat(deep)}<p>after`, 'text/html')
      expect([name, text.slice(-6)]).toEqual([name, 'after\n'])
    }
    expect(await read(`${'<i>'.repeat(deep)}${'</b>'.repeat(deep)}x`, 'text/html')).toBe('x\n')
  })

  it('of one comment, one tag, one attribute or one script of many megabytes is read without holding it', async () => {
    async function* around(start: string, end: string) {
      yield new TextEncoder().encode(start)
      yield* endless('x', 5 * megabyte)
      yield new TextEncoder().encode(end)
    }
    for (const [start, end] of [
      ['a<!--', '-->b'],
      ['a<script>', '</script>b'],
      ['a<b ', '>b'],
      ['a<b title="', '">b'],
      ['a<', '>b'],
      ['a&', ';b'.slice(1)],
    ] as const) {
      const text = await read(around(start, end), 'text/html')
      expect(text.startsWith('a')).toBe(true)
      expect(text.endsWith('b\n')).toBe(true)
    }
  })

  it('whatever it holds is read', async () => {
    const soup = fc.array(
      fc.constantFrom(
        '<table>',
        '</table>',
        '<tr>',
        '<td>',
        '<li>',
        '<ul>',
        '</ul>',
        '<h1>',
        '</h1>',
        '<pre>',
        '</pre>',
        '<p hidden>',
        '<br>',
        'word ',
        '&lt;',
        '<',
        '&#xD800;',
        '&#0;',
        '<!--',
        '-->',
        '<svg/>',
      ),
    )
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 9 }), async (parts, size) => {
        const bytes = new TextEncoder().encode(parts.join(''))
        const text = await read(bytesIn(bytes, size), 'text/html')
        expect(text).toBe(await read(bytes, 'text/html'))
        expect(text.isWellFormed()).toBe(true)
        expect(text).not.toContain('\0')
      }),
    )
  })
})

describe('JSON', () => {
  it('that is nested a million deep, breaks off or is none is read', async () => {
    const deep = '['.repeat(1_000_000)
    expect((await read(deep, 'application/json')).replace(/\s/g, '')).toBe(deep)
    for (const json of [`{"a": "${'x'.repeat(5_000)}`, `${'}'.repeat(5_000)}`, `nonsense ${'\\'.repeat(5_000)}`])
      expect((await read(json, 'application/json')).replace(/\s/g, '')).toBe(json.replace(/\s/g, ''))
  })
})

describe('a DOCX', () => {
  it('that unpacks to more than a document needs is refused before it is whole', async () => {
    const bomb = zipSync({ 'word/document.xml': new Uint8Array(40 * megabyte).fill(0x20) }, { level: 9 })
    expect(bomb.length).toBeLessThan(megabyte)
    expect(await why(bomb, docxType)).toMatch(/unpacks to more than (32 MB|300 times)/)
    const limits = { ...parseLimits, unpackedPart: megabyte, unpackedTotal: 1.5 * megabyte }
    const part = `<w:styles>${' '.repeat(0.9 * megabyte)}</w:styles>`
    expect(await why(docxOf(' '.repeat(2 * megabyte)), docxType, limits)).toMatch(/unpacks to more than 1 MB/)
    expect(await why(docxOf(' '.repeat(0.9 * megabyte), { 'word/styles.xml': part }), docxType, limits)).toMatch(
      /1\.5 MB with the other parts/,
    )
  })

  it('whose archive lies about sizes, is cut off or damaged is refused', async () => {
    const docx = docxOf(paragraph('text '.repeat(1_000)))
    const lie = docx.slice()
    const view = new DataView(lie.buffer)
    for (let at = 0; at < lie.length - 46; at++) if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 1, true)
    expect(await read(lie, docxType)).toMatch(/^text text/)
    expect(await why(docx.subarray(0, docx.length - 30), docxType)).toMatch(/damaged.*no zip archive/)
    const broken = docx.slice().fill(0xff, 60, 120)
    expect(await why(broken, docxType)).toMatch(/damaged|no Word document/)
    expect(await why(new Uint8Array(0), docxType)).toMatch(/damaged/)
    expect(await why(zipSync({ 'a.txt': strToU8('x') }), docxType)).toMatch(/no Word document/)
    expect(await why(new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0, 0]), docxType)).toMatch(/password.*\.docx/)
  })

  it('of too many files, or too large, is refused', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, strToU8('')]))
    expect(await why(zipSync(many), docxType, { ...parseLimits, entries: 100 })).toMatch(/200 files, and 100/)
    expect(await why(endless('x', 30 * megabyte), docxType)).toMatch(/over 25 MB.*most for a DOCX/)
  })

  it('with entities that stand for entities expands none', async () => {
    const lol = `<!DOCTYPE l [<!ENTITY a "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY b${i} "${`&${i ? `b${i - 1}` : 'a'};`.repeat(10)}">`).join('')}]>`
    const docx = zipSync({ 'word/document.xml': strToU8(`${lol}<w:document><w:body>${paragraph('a &b8; b')}</w:body></w:document>`) })
    expect((await read(docx, docxType)).length).toBeLessThan(20)
  })

  it('that is nested without end is refused', async () => {
    expect(await why(docxOf('<w:tbl>'.repeat(100_000)), docxType)).toMatch(/nested more than 1000 deep/)
  })

  it('of any bytes is read or refused', async () => {
    const docx = docxOf(paragraph('text'))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(docx.length - 1), fc.nat(255)), { maxLength: 20 }), async (changes) => {
        const changed = docx.slice()
        for (const [at, byte] of changes) changed[at] = byte
        await why(changed, docxType)
      }),
    )
  })
})

describe('a PDF', () => {
  it('with a stream that unpacks to much is refused before it is whole', async () => {
    expect(smallZeros.length).toBeLessThan(100_000)
    expect(await why(pdfWithContent('/Filter /FlateDecode', smallZeros), pdfType)).toMatch(/unpacks to more than 32 MB/)
    expect(await why(pdfWithContent('/Filter [/Fl#61teDecode]', smallZeros), pdfType)).toMatch(/unpacks to more than 32 MB/)
    expect(
      await why(
        pdfWithContent(
          '/Filter /RunLengthDecode',
          new Uint8Array(megabyte).map((_, i) => (i % 2 ? 65 : 129)),
        ),
        pdfType,
      ),
    ).toMatch(/unpacks to more than 32 MB/)
    const hex = strToU8(`${Buffer.from(smallZeros).toString('hex')}>`)
    expect(await why(pdfWithContent('/Filter [/ASCIIHexDecode /FlateDecode]', hex), pdfType)).toMatch(/unpacks to more than 32 MB/)
    expect(await why(pdfWithContent('/Filter [/FlateDecode /FlateDecode]', zlibSync(smallZeros)), pdfType)).toMatch(/packed more than once/)
    expect(await why(pdfWithContent('/Filter 9 0 R', smallZeros), pdfType)).toMatch(/names the filters of a stream elsewhere/)
  })

  it('with an LZW stream that grows is refused, and one that does not is read', async () => {
    // Codes of 9 to 12 bits, most significant first: a clear, then each entry as soon as it is made.
    const grows = (codes: number) => {
      let bits = '100000000'
      let [next, width] = [258, 9]
      bits += (65).toString(2).padStart(width, '0')
      for (let i = 0; i < codes; i++) {
        bits += Math.min(next, 4095).toString(2).padStart(width, '0')
        if (next < 4096) next++
        if (next + 1 >= 1 << width && width < 12) width++
      }
      bits += (257).toString(2).padStart(width, '0')
      return Uint8Array.from(bits.match(/.{1,8}/g) ?? [], (byte) => Number.parseInt(byte.padEnd(8, '0'), 2))
    }
    expect(await why(pdfWithContent('/Filter /LZWDecode', grows(20_000)), pdfType)).toMatch(/unpacks to more than 32 MB/)
    expect(await why(pdfWithContent('/Filter /LZWDecode', grows(1_000)), pdfType)).toMatch(/damaged|holds no text/)
  })

  it('whose images unpack to much is read: they are left out', async () => {
    const pages = ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 1 >>']
    const page =
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /I 6 0 R >> >> >>'
    const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'
    const image = {
      dict: '/Type /XObject /Subtype /Image /Width 8000 /Height 8000 /BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /FlateDecode',
      data: smallZeros,
    }
    const content = { dict: '/Filter /FlateDecode', data: zlibSync(strToU8('BT /F1 12 Tf 50 700 Td (Otters) Tj ET /I Do')) }
    expect(await read(rawPdf([...pages, page, content, font, image]), pdfType)).toBe('## Page 1\n\nOtters\n')
  })

  it('that is encrypted is refused', async () => {
    const content = strToU8('BT ET')
    expect(await why(pdfWithContent('', content, '/Encrypt 9 0 R'), pdfType)).toMatch(/encrypted or protected/)
    expect(await why(pdfWithContent('', content, '/Encr#79pt 9 0 R'), pdfType)).toMatch(/encrypted or protected/)
  })

  it('with a tree of pages that is a circle, or that declares a thousand million, comes to an end', async () => {
    const tree = (kids: string, count: number) =>
      rawPdf(['<< /Type /Catalog /Pages 2 0 R >>', `<< /Type /Pages /Kids [${kids}] /Count ${count} >>`])
    expect(await why(tree('2 0 R', 3), pdfType)).toMatch(/damaged|holds no text/)
    expect(await why(tree('', 1_000_000_000), pdfType)).toMatch(/damaged|holds no text|1000000000 pages, and 5000/)
    expect(await why(tree('2 0 R 2 0 R', 1_000_000_000), pdfType)).toMatch(/damaged|holds no text|1000000000 pages, and 5000/)
  })

  it('of too many pages, too large or too slow is refused', async () => {
    const pdf = await pdfOf(['a', 'b', 'c'])
    expect(await why(pdf, pdfType, { ...parseLimits, pages: 2 })).toMatch(/3 pages, and 2 is the most/)
    expect(await why(pdf, pdfType, { ...parseLimits, ms: -1 })).toMatch(/takes too long to read: page 1 of 3/)
    expect(await why(pdf, pdfType, { ...parseLimits, text: 1 })).toMatch(/text of the PDF is over/)
    expect(await why(endless('%PDF-1.7 ', 30 * megabyte), pdfType)).toMatch(/over 25 MB.*most for a PDF/)
  })

  it('that is cut off, garbage or empty is read as far as it goes or refused', async () => {
    const pdf = await pdfOf(['Otters'])
    for (const part of [0.2, 0.5, 0.9, 0.99]) await why(pdf.slice(0, pdf.length * part), pdfType)
    expect(await why(strToU8('no pdf at all'), pdfType)).toMatch(/no PDF/)
    expect(await why(strToU8(`%PDF-1.7\n${'garbage '.repeat(1_000)}`), pdfType)).toMatch(/damaged/)
    expect(await why(strToU8(`%PDF-1.7\n${'/Fl stream '.repeat(100_000)}`), pdfType)).toMatch(/damaged|unpacks/)
  })

  it('of any bytes is read or refused', async () => {
    const pdf = await pdfOf(['Otters'])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(pdf.length - 1), fc.nat(255)), { maxLength: 20 }), async (changes) => {
        const changed = pdf.slice()
        for (const [at, byte] of changes) changed[at] = byte
        await why(changed, pdfType)
      }),
      { numRuns: 40 },
    )
  })
})
