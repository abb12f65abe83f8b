import { Document, FootnoteReferenceRun, HeadingLevel, Packer, Paragraph, Table, TableCell, TableRow, TextRun } from 'docx'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Converter, docxType, parsed, pdfType, UnreadableFile } from '../../../src/retrieval/parse'
import { bytesIn, docxOf, paragraph, pdfOf } from '../../support/documents'

const read = async (bytes: Uint8Array | string, type: string, size?: number, converter: Converter | null = null): Promise<string> => {
  const { text } = await parsed({ name: 'file', type, bytes: bytesIn(bytes, size) }, { converter })
  let whole = ''
  for await (const piece of text) whole += piece
  return whole
}
const isAsIs = async (text: string, type: string) => (await parsed({ name: 'file', type, bytes: bytesIn(text) })).asIs

describe('text', () => {
  it.each(['text/plain', 'text/markdown', 'text/x-python', 'text/csv', 'application/xml', 'application/jsonl'])(
    'of the type %s is read as it is',
    async (type) => {
      const text = '<a b="&amp;">\r\n\tnaïve 🦦, "x"\n\n\n'
      expect(await read(text, type, 3)).toBe(text)
      expect(await isAsIs(text, type)).toBe(true)
    },
  )

  it('in UTF-16 is decoded when it says so, whatever pieces it comes in', async () => {
    const text = 'naïve 🦦\n'
    const little = new Uint8Array([0xff, 0xfe, ...[...text].flatMap((char) => [...Buffer.from(char, 'utf16le')])])
    const big = little.slice()
    for (let i = 0; i < big.length; i += 2) [big[i], big[i + 1]] = [little[i + 1] as number, little[i] as number]
    for (const bytes of [little, big]) for (const size of [1, 3, 100]) expect(await read(bytes, 'text/plain', size)).toBe(text)
  })

  it('with halves of characters and invalid bytes comes out well formed', async () => {
    const halves = new Uint8Array([0xff, 0xfe, 0x3d, 0xd8, 0x41, 0x00, 0x00, 0xdc])
    expect(await read(halves, 'text/plain', 1)).toBe('\ufffdA\ufffd')
    expect(await read(new Uint8Array([0x61, 0xed, 0xa0, 0xbd, 0xff]), 'text/plain')).toBe('a\ufffd\ufffd\ufffd\ufffd')
  })

  it('of no bytes is empty', async () => expect(await read('', 'text/plain')).toBe(''))
})

describe('JSON', () => {
  it('that is minified is spread over lines, with every value as it was', async () => {
    const value = `{"id":12345678901234567890,"list":[1e400,{"a":"b, {\\"c\\": [1]}"},[],{}],"long":"${'x'.repeat(2_000)}"}`
    const text = await read(value, 'application/json')
    expect(text).toBe(
      `{\n  "id": 12345678901234567890,\n  "list": [\n    1e400,\n    {\n      "a": "b, {\\"c\\": [1]}"\n    },\n    [],\n    {}\n  ],\n  "long": "${'x'.repeat(2_000)}"\n}\n`,
    )
    for (const size of [1, 7, 1_000]) expect(await read(value, 'application/json', size)).toBe(text)
    expect(await isAsIs(value, 'application/json')).toBe(false)
  })

  it('means the same when it is spread, whatever it holds', async () => {
    const pad = 'p'.repeat(2_001)
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.integer({ min: 1, max: 50 }), async (json, size) => {
        const text = await read(`{"pad":"${pad}","value":${json}}`, 'application/json', size)
        expect(JSON.parse(text)).toEqual({ pad, value: JSON.parse(json) })
      }),
    )
  })

  it('that has lines already stays as it is', async () => {
    const json = JSON.stringify({ a: [1, 2, { b: 'c' }] }, null, 4)
    expect(await read(json, 'application/json')).toBe(json)
    expect(await isAsIs(json, 'application/json')).toBe(true)
  })
})

describe('HTML', () => {
  const page = `<!doctype html><html><head><title>Otters &amp; rivers</title><style>p { color: red }</style><script>if (a < b) alert("</p>")</script></head>
    <body><!-- a comment --><h1>Otters</h1><p>They <b>hold</b> hands &mdash;
    while <a href="https://example.org">they sleep</a>.</p>
    <p hidden>unseen</p><div style="display: none">unseen <div>too</div></div>
    <ul><li>river<ul><li>fast</ul><li>sea</ul><ol><li>first<li>second</ol>
    <table><tr><th>name<th>age</tr><tr><td>Olga | O.<td><p>4</p></tr></table>
    <pre>  kept
    as is</pre><img src="x" alt="an otter"><br>end &#x1F9A6;&nbsp;&unknown;</body></html>`

  it('is read as Markdown, without what is not seen', async () => {
    expect(await read(page, 'text/html')).toBe(
      [
        'Otters & rivers',
        '# Otters',
        'They hold hands — while they sleep.',
        '- river\n  - fast\n- sea',
        '1. first\n2. second',
        '| name | age |\n|---|---|\n| Olga \\| O. | 4 |',
        '```\n  kept\n    as is\n```',
        'an otter\nend 🦦 &unknown;\n',
      ].join('\n\n'),
    )
  })

  it('reads alike, whatever pieces it comes in', async () => {
    const whole = await read(page, 'text/html')
    for (const size of [1, 2, 5, 64]) expect(await read(page, 'text/html', size)).toBe(whole)
  })

  it('goes on after something hidden that has no end tag', async () => {
    expect(await read('<ul><li hidden>a<li>b</ul><p hidden>c<p>d</p><table><tr><td hidden>e</table>f', 'text/html')).toBe('- b\n\nd\n\nf\n')
  })

  it('whose tables only place other blocks is read as those', async () => {
    expect(await read('<table><tr><td><h1>A</h1><p>b</p><table><tr><td>c<td>d</table></table>', 'text/html')).toBe(
      '# A\n\nb\n\n| c | d |\n|---|---|\n',
    )
  })

  it('in another encoding is read in the one that it declares', async () => {
    const cyrillic = new Uint8Array([...new TextEncoder().encode('<meta charset="windows-1251"><p>'), 0xcf, 0xf0, 0xe8])
    expect(await read(cyrillic, 'text/html', 3)).toBe('При\n')
    expect(await read('<meta charset="nonsense"><p>naïve', 'text/html')).toBe('naïve\n')
  })
})

describe('PDF', () => {
  it('is read page by page, under the number of each', async () => {
    const pdf = await pdfOf(['Otters hold hands\nwhile they sleep.\n\n\nA new paragraph.', 'The second page.'])
    expect(await read(pdf, pdfType)).toBe(
      '## Page 1\n\nOtters hold hands\nwhile they sleep.\n\nA new paragraph.\n\n## Page 2\n\nThe second page.\n',
    )
  })

  it('without any text says so', async () => {
    await expect(read(await pdfOf(['', '']), pdfType)).rejects.toThrow(/holds no text.*OCR/)
  })
})

describe('DOCX', () => {
  it('of a real program is read as Markdown: headings, lists, tables, notes', async () => {
    const document = new Document({
      footnotes: { 1: { children: [new Paragraph('It is called a raft.')] } },
      sections: [
        {
          children: [
            new Paragraph({ text: 'Otters', heading: HeadingLevel.HEADING_1 }),
            new Paragraph({
              children: [new TextRun('They hold '), new TextRun({ text: 'hands', bold: true }), new FootnoteReferenceRun(1)],
            }),
            new Paragraph({ text: 'Where', heading: HeadingLevel.HEADING_2 }),
            new Paragraph({ text: 'river', bullet: { level: 0 } }),
            new Paragraph({ text: 'fast', bullet: { level: 1 } }),
            new Table({
              rows: [
                ['name', 'age'],
                ['Olga', '4'],
              ].map((cells) => new TableRow({ children: cells.map((text) => new TableCell({ children: [new Paragraph(text)] })) })),
            }),
            new Paragraph('The end.'),
          ],
        },
      ],
    })
    const bytes = new Uint8Array(await Packer.toBuffer(document))
    expect(await read(bytes, docxType)).toBe(
      [
        '# Otters',
        'They hold hands[^1]',
        '## Where',
        '- river\n  - fast',
        '| name | age |\n|---|---|\n| Olga | 4 |',
        'The end.',
        '[^1]: It is called a raft.\n',
      ].join('\n\n'),
    )
  })

  it('is read by the names of its styles, without what was deleted or stands in for a drawing', async () => {
    const styles = '<w:styles><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style></w:styles>'
    const body =
      paragraph('Über', '<w:pStyle w:val="berschrift2"/>') +
      '<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t>new &amp; &lt;kept&gt;</w:t></w:r></w:ins>' +
      '<mc:AlternateContent><mc:Fallback><w:t>twice</w:t></mc:Fallback></mc:AlternateContent><w:r><w:tab/><w:t>x</w:t></w:r></w:p>'
    expect(await read(docxOf(body, { 'word/styles.xml': styles }), docxType)).toBe('## Über\n\nnew & <kept> x\n')
  })
})

describe('a converter', () => {
  const sheet = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
  const converter = (answer: string): Converter => ({
    takes: (type) => type === sheet,
    convert: async (name, type, bytes) => `${answer}${name} ${type.length} ${bytes.length}`,
  })

  it('reads the types that it takes', async () => {
    const { structure, asIs } = await parsed({ name: 'a', type: sheet, bytes: bytesIn('x') }, { converter: converter('') })
    expect([structure, asIs]).toEqual(['markdown', false])
    expect(await read('bytes', sheet, 2, converter('# \0'))).toBe(`# file ${sheet.length} 5`)
    expect(await read('bytes', 'text/plain', 2, converter('# '))).toBe('bytes')
  })

  it('that finds nothing makes the file unreadable', async () => {
    await expect(read('x', sheet, 1, { takes: () => true, convert: async () => ' \n' })).rejects.toThrow(UnreadableFile)
  })
})
