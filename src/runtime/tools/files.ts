import type { FilePassage, FileRequest, GrepResult, LineHit, Lines, OpenedFile, OpenedFiles } from '../files'
import type { AgentConfig } from '../types'
import { type BuiltinTool, isText, optional, ToolError, text } from './builtin'

/** Hits on a page of `grep_files`, and the most lines around each. */
const pageSize = 20
const contextMost = 10
/** File names that are listed in one answer. */
const namesMost = 50

type Args = Record<string, unknown>

const isBetween =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most

const isFlag = (value: unknown): value is boolean => typeof value === 'boolean'
const isObject = (value: unknown): value is Args => typeof value === 'object' && value !== null && !Array.isArray(value)

const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

function listed(names: string[]): string {
  const more = names.length > namesMost ? `, and ${names.length - namesMost} more` : ''
  return names.slice(0, namesMost).join(', ') + more
}

const range = ({ first, last }: Lines): string => (first === last ? `line ${first}` : `lines ${first}-${last}`)

function requestOf(each: unknown, i: number): FileRequest {
  const at = `file_requests[${i}]`
  if (!isObject(each) || !isText(each.file_name) || each.file_name === '')
    throw new ToolError(`\`${at}\` must be an object with the \`file_name\` of a file, and perhaps \`offset\` and \`length\`.`)
  const { file_name } = each
  const count = (name: 'offset' | 'length', least: number, what: string) => {
    const value = each[name] ?? null
    if (value !== null && !isBetween(least)(value))
      throw new ToolError(`\`${at}.${name}\` must be ${what}; it is ${JSON.stringify(value)}.`)
    return value as number | null
  }
  return {
    file_name,
    offset: count('offset', 0, 'the number of lines to leave out, 0 or more'),
    length: count('length', 1, 'a number of lines, 1 or more'),
  }
}

function requestsOf(args: Args): FileRequest[] {
  const { file_requests } = args
  if (!Array.isArray(file_requests) || file_requests.length === 0)
    throw new ToolError('Parameter `file_requests` must be a list with at least one file to open.')
  return file_requests.map(requestOf)
}

function openedLine({ file_name, lines, seen, is_cut, before }: OpenedFile, limit: number): string {
  const what = seen ? `${range(seen)} of ${lines}` : lines === 0 ? 'it is empty' : `none of its ${plural(lines, 'line')} fits the view`
  const cut = is_cut ? `; the view is full at ${limit} characters: for what follows ask for a larger offset` : ''
  return `* Opened ${file_name} (${what}${before ? `; before: ${range(before)}` : ''}${cut})`
}

const openedText = ({ opened, closed, open }: OpenedFiles, { max_open, view }: AgentConfig['file_limits'], others: boolean): string =>
  [
    `${plural(opened.length, 'file')} opened; ${open} of at most ${max_open} are open now and stand in your folders above.`,
    ...opened.map((file) => openedLine(file, view)),
    ...(closed.length > 0 ? [`* Closed ${others ? 'all others' : 'what was used least recently'}: ${listed(closed)}`] : []),
  ].join('\n')

const hitText = ({ file_name, line, text: found, before, after }: LineHit): string =>
  [
    `=== ${file_name}:${line} ===`,
    ...before.map((each, i) => `  ${line - before.length + i}: ${each}`),
    `> ${line}: ${found}`,
    ...after.map((each, i) => `  ${line + i + 1}: ${each}`),
  ].join('\n')

const ends = {
  hits: 'There may be more: the search ends after so many. Look for something rarer, or in fewer files with `include`.',
  size: 'There may be more: the search ends after 200 MB of text. Search the other files by themselves with `include`.',
  time: 'There may be more: the search was ended after 30 seconds. Make the pattern simpler, or choose fewer files with `include`.',
}

/** What a reader must know so as not to take "not found" for "not there". */
const notesOf = ({ stopped, searched, chosen, partly, unread, cut_lines }: GrepResult): string[] => [
  ...(stopped ? [`${ends[stopped]} ${searched} of ${plural(chosen, 'file')} were searched.`] : []),
  ...(partly.length > 0 ? [`Only the beginning was searched of: ${listed(partly)}`] : []),
  ...(unread.length > 0 ? [`Not searched, since they are still being processed or cannot be read: ${listed(unread)}`] : []),
  ...(cut_lines ? ['Very long lines were searched piece by piece; matches over 4000 characters in them may be missing.'] : []),
]

function grepText(result: GrepResult, offset: number): string {
  const { found, hits, files, chosen } = result
  const notes = notesOf(result)
  if (found === 0) return [`No line matches in ${plural(chosen, 'file')}.`, ...notes].join('\n')
  const total = `${plural(found, 'line')} found in ${files.length} of ${plural(chosen, 'file')}`
  if (hits.length === 0) return [`${total}: there are none after the first ${offset}.`, ...notes].join('\n')
  const next = offset + hits.length
  return [
    `${total}. Shown: ${offset + 1} to ${next}.${next < found ? ` Next: the same call with offset=${next}.` : ''}`,
    'Line numbers count from 1: to read on from line N, call open_files with offset N-1.',
    ...notes,
    '',
    ...files.slice(0, namesMost).map((file) => `- ${file.file_name}: ${file.hits}`),
    ...(files.length > namesMost ? [`- and ${files.length - namesMost} files more`] : []),
    ...hits.map((hit) => `\n${hitText(hit)}`),
  ].join('\n')
}

function passagesText(passages: FilePassage[]): string {
  if (passages.length === 0) return 'Nothing found in your files.'
  const byFile = Map.groupBy(passages, (passage) => passage.file_name)
  return [
    `${plural(passages.length, 'passage')} found in ${plural(byFile.size, 'file')}, the best first.`,
    ...[...byFile].map(([file_name, some]) =>
      [`\n=== ${file_name} ===`, ...some.map(({ lines, text: found }) => `[${lines ? range(lines) : 'passage'}]\n${found.trimEnd()}`)].join(
        '\n',
      ),
    ),
  ].join('\n')
}

/** The tools with which an agent reads the files of its folders. None changes a file, and opening one again has the same effect. */
export const fileTools: Record<string, BuiltinTool> = {
  open_files: {
    async run(args, { config, services }) {
      const others = optional(args, 'close_all_others', isFlag, 'true or false', false)
      const opened = await services.openFiles({
        organization_id: config.organization_id,
        agent_id: config.id,
        requests: requestsOf(args),
        close_others: others,
        limits: config.file_limits,
      })
      return openedText(opened, config.file_limits, others)
    },
  },

  grep_files: {
    async run(args, { config, services }) {
      const offset = optional(args, 'offset', isBetween(0), 'a number of matches to leave out, 0 or more', 0)
      const result = await services.grepFiles({
        organization_id: config.organization_id,
        agent_id: config.id,
        pattern: text(args, 'pattern'),
        include: optional(args, 'include', isText, 'a string', '') || null,
        context: optional(args, 'context_lines', isBetween(0, contextMost), `an integer from 0 to ${contextMost}`, 1),
        skip: offset,
        show: pageSize,
      })
      return grepText(result, offset)
    },
  },

  semantic_search_files: {
    async run(args, { config, services }) {
      const query = text(args, 'query').trim()
      if (query === '') throw new ToolError('Parameter `query` must not be empty: say what to look for.')
      const limit = optional(args, 'limit', isBetween(1, 50), 'an integer from 1 to 50', 5)
      return passagesText(await services.searchFiles({ organization_id: config.organization_id, agent_id: config.id, query, limit }))
    },
  },
}
