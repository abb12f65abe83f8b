import { docxType, pdfType } from '../../retrieval/parse'

/** Types of files that this server reads itself, by the ending of the name. */
const kinds: Record<string, string> = {
  [pdfType]: 'pdf',
  [docxType]: 'docx',
  'text/plain': 'txt text log rst tex ini cfg conf env properties',
  'text/markdown': 'md markdown mdx',
  'text/html': 'html htm xhtml',
  'text/csv': 'csv',
  'text/tab-separated-values': 'tsv',
  'application/json': 'json ipynb',
  'application/jsonl': 'jsonl ndjson',
  'application/xml': 'xml',
  'application/yaml': 'yaml yml',
  'application/toml': 'toml',
  'application/sql': 'sql',
  'text/css': 'css scss sass less',
  'text/javascript': 'js mjs cjs jsx',
  'text/x-typescript': 'ts mts cts tsx',
  'text/x-python': 'py pyi',
  'text/x-java': 'java',
  'text/x-c': 'c h',
  'text/x-c++': 'cpp cc cxx hpp hh',
  'text/x-csharp': 'cs',
  'text/x-go': 'go',
  'text/x-rust': 'rs',
  'text/x-ruby': 'rb',
  'text/x-php': 'php',
  'text/x-swift': 'swift',
  'text/x-kotlin': 'kt kts',
  'text/x-scala': 'scala',
  'text/x-shellscript': 'sh bash zsh',
  'text/x-perl': 'pl pm',
  'text/x-lua': 'lua',
  'text/x-r': 'r',
  'text/x-dart': 'dart',
  'text/x-elixir': 'ex exs',
  'text/x-vue': 'vue',
  'text/x-svelte': 'svelte',
}

/** Types that Workers AI makes Markdown of, where it is bound. */
const converted: Record<string, string> = {
  [pdfType]: 'pdf',
  [docxType]: 'docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.ms-excel.sheet.macroenabled.12': 'xlsm',
  'application/vnd.ms-excel.sheet.binary.macroenabled.12': 'xlsb',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.oasis.opendocument.text': 'odt',
  'application/vnd.oasis.opendocument.spreadsheet': 'ods',
  'application/vnd.apple.numbers': 'numbers',
  'image/jpeg': 'jpeg jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/svg+xml': 'svg',
}
export const convertedTypes: ReadonlySet<string> = new Set(Object.keys(converted))

const endings = (types: Record<string, string>) =>
  new Map(Object.entries(types).flatMap(([type, names]) => names.split(' ').map((ending) => [ending, type] as const)))
const own = endings(kinds)
const all = new Map([...own, ...endings(converted)])

/** Endings of files that are known not to be text: what their sender calls them does not count. */
const unread = new Set(
  'pdf doc docx xls xlsx xlsm xlsb ppt pptx odt ods odp rtf epub numbers png jpg jpeg gif webp svg zip gz tar 7z exe mp3 mp4'.split(' '),
)

/** What a refusal lists. `converts`: Workers AI is there. */
export const supportedTypes = (converts: boolean): string =>
  `text files, PDF and DOCX, by the ending of their name: ${[...(converts ? all : own).keys()].map((ending) => `.${ending}`).join(', ')}`

/** The ending of a file's name, in lower case without the dot; empty when there is none. */
export const endingOf = (name: string): string => /[^.]\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''

/**
 * The MIME type of a file, by the first of its names whose ending is known, else by what its sender calls it; null when this server
 * does not read such files. `converts`: Workers AI is there.
 */
export function fileTypeOf(names: string[], declared: string, converts = false): string | null {
  for (const ending of names.map(endingOf)) {
    const type = (converts ? all : own).get(ending)
    if (type) return type
    if (unread.has(ending)) return null
  }
  const type = declared.split(';')[0]?.trim().toLowerCase() ?? ''
  return type.startsWith('text/') || type in kinds || (converts && type in converted) ? type : null
}

/** `name_(n).ending`: the first of these that is not `taken`. */
export function suffixed(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  const ending = endingOf(name)
  const stem = ending ? name.slice(0, -ending.length - 1) : name
  for (let n = 1; ; n++) {
    const candidate = `${stem}_(${n})${name.slice(stem.length)}`
    if (!taken.has(candidate)) return candidate
  }
}
