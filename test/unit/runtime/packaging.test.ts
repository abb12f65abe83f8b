import { expect, it } from 'vitest'
import { cut, errorText, limitResult, packReturn, resultText } from '../../../src/runtime/packaging'

const at = Date.UTC(2024, 0, 15, 17, 0, 0)

it('turns whatever a tool returns into text', () => {
  expect([undefined, null, 'a', 7, true, { a: [1] }, ['x']].map(resultText)).toEqual([
    'None',
    'None',
    'a',
    '7',
    'true',
    '{"a":[1]}',
    '["x"]',
  ])
})

it('cuts a long result and says so, counting characters as people do', () => {
  expect(limitResult('roll', '😀😀😀', 3)).toBe('😀😀😀')
  expect(limitResult('roll', '😀😀😀', 2)).toBe(
    '😀😀... [NOTE: function output was truncated since it exceeded the character limit (3 > 2)]',
  )
})

it('never cuts search results, which are pages already', () => {
  expect(limitResult('conversation_search', 'long', 2)).toBe('long')
  expect(limitResult('archival_memory_search', 'long', 2)).toBe('long')
})

it('never cuts within a character', () => {
  expect([0, 1, 2, 3, 9].map((limit) => cut('a😀b', limit))).toEqual(['', 'a', 'a😀', 'a😀b', 'a😀b'])
})

it('names the tool and the kind of error, in at most 1000 characters', () => {
  expect(errorText('roll', new RangeError('too high'))).toBe('Error executing function roll: RangeError: too high')
  expect(errorText('roll', 'odd')).toBe('Error executing function roll: Error: odd')
  expect(errorText('roll', new Error('x'.repeat(5000)))).toHaveLength(1000)
})

it('packs a return with its status and the time in the time zone of the agent', () => {
  expect(packReturn({ status: 'success', content: 'say "hi"' }, at, 'America/Los_Angeles')).toBe(
    '{"status":"OK","message":"say \\"hi\\"","time":"2024-01-15 09:00:00 AM PST-0800"}',
  )
  expect(JSON.parse(packReturn({ status: 'error', content: 'no' }, at, 'UTC'))).toMatchObject({ status: 'Failed', message: 'no' })
})

it('packs an object as an object, with its numbers as they were written', () => {
  expect(packReturn({ status: 'success', content: '{"id":12345678901234567890}' }, at, 'UTC')).toContain(
    '"message":{"id":12345678901234567890},',
  )
  expect(JSON.parse(packReturn({ status: 'success', content: '{"cut": "sho... [NOTE' }, at, 'UTC')).message).toBe('{"cut": "sho... [NOTE')
})
