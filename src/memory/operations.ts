import { AppError } from '../lib/errors'

/** One edit of a block's value, as data: it can be stored, sent, and applied again to a newer value. */
export type BlockOperation =
  | { op: 'set'; value: string }
  | { op: 'append'; content: string }
  | { op: 'replace_all'; old: string; new: string }
  | { op: 'str_replace'; old: string; new: string }
  /** `line` 0 is the top, n is after line n, -1 is the end. */
  | { op: 'insert_line'; line: number; text: string }

export type OperationFault =
  | 'no_match'
  | 'ambiguous_match'
  | 'out_of_range'
  | 'line_numbers'
  | 'empty_match'
  | 'no_change'
  | 'changed_meanwhile'

/** An edit that does not apply to the value it met. The message is written for the model that asked for the edit. */
export class OperationError extends Error {
  override readonly name = 'OperationError'
  constructor(
    readonly code: OperationFault,
    message: string,
  ) {
    super(message)
  }
}

/** The banner over values that are shown with line numbers. An edit that contains it was copied from the display. */
export const lineNumberWarning =
  "# NOTE: Line numbers shown below (with arrows like '1→') are there to help you point at lines. They are not part of the text: leave them out of every edit."

/** The number of Unicode code points, which is how limits are counted. */
export const codePoints = (text: string): number => text.length - (text.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0)

/** A value as it is stored: no NUL, and LF at line ends in place of CRLF. */
export const normalizeValue = (value: string): string => value.replaceAll('\0', '').replaceAll('\r\n', '\n')

/** Throws an AppError `invalid` when the value is longer than the block's limit, in code points. */
export function withinLimit(value: string, limit: number, label: string, id: string): void {
  const length = codePoints(value)
  if (length <= limit) return
  throw new AppError('invalid', `Value length (${length}) exceeds the limit (${limit}) for block with label '${label}' and id '${id}'.`)
}

/** The value after one operation, normalized. Throws `OperationError` when the operation does not apply. */
export function applyOperation(value: string, operation: BlockOperation, label: string): string {
  return normalizeValue(apply(value, operation, label))
}

function apply(value: string, operation: BlockOperation, label: string): string {
  switch (operation.op) {
    case 'set':
      return operation.value
    case 'append':
      return value === '' ? operation.content : `${value}\n${operation.content}`
    case 'replace_all':
      return replaceAll(value, normalizeValue(operation.old), operation.new, label)
    case 'str_replace':
      return replaceOne(value, normalizeValue(operation.old), operation.new, label)
    case 'insert_line':
      return insertLine(value, operation.line, operation.text)
  }
}

function replaceAll(value: string, old: string, replacement: string, label: string): string {
  if (old === '') throw new OperationError('empty_match', 'Parameter `old_content` must not be empty.')
  if (!value.includes(old)) throw new OperationError('no_match', `Old content '${old}' not found in memory block '${label}'`)
  return value.split(old).join(replacement)
}

function replaceOne(value: string, old: string, replacement: string, label: string): string {
  refuseDisplayText(old, 'old_string')
  refuseDisplayText(replacement, 'new_string')
  if (old === '') throw new OperationError('empty_match', 'Parameter `old_string` must not be empty.')
  if (old === replacement) {
    throw new OperationError('no_change', 'No replacement was performed. `old_string` and `new_string` are the same.')
  }
  const at = value.indexOf(old)
  if (at < 0) {
    const where = `did not appear verbatim in memory block with label \`${label}\``
    throw new OperationError('no_match', `No replacement was performed, old_string \`${old}\` ${where}.`)
  }
  if (value.indexOf(old, at + 1) >= 0) {
    const lines = matchingLines(value, old).join(', ')
    throw new OperationError(
      'ambiguous_match',
      `No replacement was performed. Multiple occurrences of old_string \`${old}\` in lines [${lines}]. Please ensure it is unique.`,
    )
  }
  return value.slice(0, at) + replacement + value.slice(at + old.length)
}

/** The distinct lines, from 1, in which an occurrence begins. */
function matchingLines(value: string, old: string): number[] {
  const lines = new Set<number>()
  let line = 1
  let seen = 0
  for (let at = value.indexOf(old); at >= 0; at = value.indexOf(old, at + 1)) {
    line += value.slice(seen, at).split('\n').length - 1
    seen = at
    lines.add(line)
  }
  return [...lines]
}

function insertLine(value: string, line: number, text: string): string {
  refuseDisplayText(text, 'new_string')
  const lines = value.split('\n')
  if (!Number.isInteger(line) || line < -1 || line > lines.length) {
    const range = `It must be an integer from 0 (the top) to ${lines.length} (after the last line), or -1 for the end of the memory block`
    throw new OperationError('out_of_range', `Invalid \`insert_line\` parameter: ${line}. ${range}.`)
  }
  if (value === '') return text
  return lines.toSpliced(line === -1 ? lines.length : line, 0, text).join('\n')
}

/** Refuses text that was copied with the line numbers or the banner of the numbered display. */
function refuseDisplayText(text: string, parameter: string): void {
  const found = /^[ \t]*\d+→[ \t]*/m.test(text)
    ? 'a line number prefix'
    : text.includes(lineNumberWarning)
      ? 'the line number warning'
      : null
  if (found === null) return
  const advice = 'Line numbers are for display only: leave them out when you call memory tools'
  throw new OperationError('line_numbers', `\`${parameter}\` contains ${found}, which is not part of the memory block. ${advice}.`)
}
