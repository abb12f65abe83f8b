import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  applyOperation,
  type BlockOperation,
  codePoints,
  lineNumberWarning,
  normalizeValue,
  OperationError,
  withinLimit,
} from '../../../src/memory/operations'

const apply = (value: string, operation: BlockOperation) => applyOperation(value, operation, 'human')
const fault = (value: string, operation: BlockOperation): OperationError => {
  try {
    apply(value, operation)
  } catch (error) {
    if (error instanceof OperationError) return error
  }
  throw new Error('the operation applied')
}

it('sets and appends, starting an empty block without a blank line', () => {
  expect(apply('old', { op: 'set', value: 'new' })).toBe('new')
  expect(apply('a', { op: 'append', content: 'b' })).toBe('a\nb')
  expect(apply('', { op: 'append', content: 'b' })).toBe('b')
})

it('replaces every occurrence, taking the replacement literally', () => {
  expect(apply('a.a', { op: 'replace_all', old: 'a', new: '$&$1' })).toBe('$&$1.$&$1')
  expect(fault('x', { op: 'replace_all', old: 'a', new: 'b' }).message).toBe("Old content 'a' not found in memory block 'human'")
  expect(fault('x', { op: 'replace_all', old: '', new: 'b' }).code).toBe('empty_match')
})

it('replaces the one occurrence, taking the replacement literally and leaving tabs alone', () => {
  expect(apply('\tlikes math\n\tend', { op: 'str_replace', old: 'math', new: '$& maths' })).toBe('\tlikes $& maths\n\tend')
})

it('refuses a string that is missing, with the sentence clients know', () => {
  const error = fault('tea', { op: 'str_replace', old: 'coffee', new: 'x' })
  expect(error.code).toBe('no_match')
  expect(error.message).toBe(
    'No replacement was performed, old_string `coffee` did not appear verbatim in memory block with label `human`.',
  )
})

it('refuses a string that occurs several times, naming the lines', () => {
  const error = fault('a\nb\na a\nc\na', { op: 'str_replace', old: 'a', new: 'x' })
  expect(error.code).toBe('ambiguous_match')
  expect(error.message).toBe(
    'No replacement was performed. Multiple occurrences of old_string `a` in lines [1, 3, 5]. Please ensure it is unique.',
  )
  expect(fault('aaa', { op: 'str_replace', old: 'aa', new: 'x' }).code).toBe('ambiguous_match')
})

it('refuses empty and unchanged strings', () => {
  expect(fault('a', { op: 'str_replace', old: '', new: 'x' }).code).toBe('empty_match')
  expect(fault('a', { op: 'str_replace', old: 'a', new: 'a' }).code).toBe('no_change')
})

it.each<BlockOperation>([
  { op: 'str_replace', old: '1→ a', new: 'x' },
  { op: 'str_replace', old: 'a', new: 'x\n  12→y' },
  { op: 'insert_line', line: 0, text: '\t3→ z' },
  { op: 'str_replace', old: 'a', new: `${lineNumberWarning}\nx` },
])('refuses text copied from the numbered display: %j', (operation) => {
  expect(fault('a', operation).code).toBe('line_numbers')
})

it('inserts at the top, after a line, and at the end', () => {
  expect(apply('a\nb', { op: 'insert_line', line: 0, text: 'x' })).toBe('x\na\nb')
  expect(apply('a\nb', { op: 'insert_line', line: 1, text: 'x\ny' })).toBe('a\nx\ny\nb')
  expect(apply('a\nb', { op: 'insert_line', line: 2, text: 'x' })).toBe('a\nb\nx')
  expect(apply('a\nb', { op: 'insert_line', line: -1, text: 'x' })).toBe('a\nb\nx')
  expect(apply('', { op: 'insert_line', line: -1, text: 'x' })).toBe('x')
})

it.each([3, -2, 0.5])('refuses to insert at line %s of two', (line) => {
  const error = fault('a\nb', { op: 'insert_line', line, text: 'x' })
  expect(error.code).toBe('out_of_range')
  expect(error.message).toMatch(`Invalid \`insert_line\` parameter: ${line}.`)
})

it('stores LF line ends and no NUL', () => {
  expect(normalizeValue('a\r\nb\rc\0\n')).toBe('a\nb\rc\n')
  expect(apply('a\nb', { op: 'str_replace', old: 'a\r\nb', new: 'c\r\n\0d' })).toBe('c\nd')
  expect(apply('a\r', { op: 'append', content: 'b' })).toBe('a\nb')
})

it('counts a limit in code points', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => codePoints(text) === Array.from(text).length))
  expect(() => withinLimit('😀😀', 2, 'human', 'block-1')).not.toThrow()
  expect(() => withinLimit('😀😀😀', 2, 'human', 'block-1')).toThrow(
    "Value length (3) exceeds the limit (2) for block with label 'human' and id 'block-1'.",
  )
})

it('replacing and replacing back gives the first value again, whatever the text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, after) => {
      const value = normalizeValue(`${before}OLD${after}`)
      fc.pre(!`${before}${after}`.includes('OLD') && !value.includes('NEW'))
      const edited = apply(value, { op: 'str_replace', old: 'OLD', new: 'NEW' })
      return apply(edited, { op: 'str_replace', old: 'NEW', new: 'OLD' }) === value
    }),
  )
})
