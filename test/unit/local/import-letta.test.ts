import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Api, allRows, type Row } from '../../../src/local/import-letta/api.ts'
import { messagesFrom, partsOf, withoutLargeImages } from '../../../src/local/import-letta/messages.ts'
import { readOptions, UsageError } from '../../../src/local/import-letta/options.ts'
import { Progress, Report } from '../../../src/local/import-letta/report.ts'
import { State } from '../../../src/local/import-letta/state.ts'

const rows = (n: number): Row[] => Array.from({ length: n }, (_, i) => ({ id: `row-${i}` }))

type Query = Record<string, string | number>

/** A server whose list answers as `answer` says. */
const serving = (answer: (query: Query) => unknown): Api => ({ get: async (_: string, query: Query) => answer(query) }) as unknown as Api

const at = (list: Row[], id: unknown) => list.findIndex((row) => row.id === id)
const limitOf = (query: Query) => Number(query.limit)

describe('a list is read whole, each row once, when the server', () => {
  const all = rows(250)
  const servers: [string, (query: Query) => unknown][] = [
    ['pages as it should', (query) => all.slice(at(all, query.after) + 1).slice(0, limitOf(query))],
    ['ignores the limit', () => all],
    [
      'takes `before` for `after`',
      (query) => ('after' in query ? all.slice(0, limitOf(query)) : all.slice(at(all, query.before) + 1).slice(0, limitOf(query))),
    ],
    ['ignores cursors', (query) => all.slice(0, limitOf(query))],
    ['overlaps its pages', (query) => all.slice(Math.max(0, at(all, query.after) - 5)).slice(0, limitOf(query))],
    ['puts the rows into an object', (query) => ({ files: all.slice(at(all, query.after) + 1).slice(0, limitOf(query)), has_more: true })],
  ]
  it.each(servers)('%s', async (_, answer) => {
    const cut: string[] = []
    expect(await allRows(serving(answer), '/v1/things/', {}, (list) => cut.push(list))).toEqual(all)
    expect(cut).toEqual([])
  })

  it('cannot be paged at all: then that is said', async () => {
    const cut: string[] = []
    const many = rows(2000)
    const found = await allRows(
      serving((query) => many.slice(0, limitOf(query))),
      '/v1/things/',
      {},
      (list) => cut.push(list),
    )
    expect(found).toHaveLength(1000)
    expect(cut).toEqual(['/v1/things/'])
  })
})

describe('messages of a list', () => {
  it('are put together from their parts', () => {
    const at = '2025-06-01T00:00:00+00:00'
    const said = messagesFrom([
      { id: 'm1', message_type: 'reasoning_message', reasoning: 'hm', source: 'non_reasoner_model', date: at },
      { id: 'm1', message_type: 'hidden_reasoning_message', state: 'redacted', hidden_reasoning: 'x', date: at },
      { id: 'm1', message_type: 'assistant_message', content: 'I look.', date: at },
      { id: 'm1', message_type: 'approval_request_message', tool_call: { name: 'look', arguments: '{}', tool_call_id: 'c' }, date: at },
      { id: 'm2', message_type: 'approval_response_message', approve: false, reason: 'no', approvals: null, date: at },
      { id: 'm3', message_type: 'event_message', date: at },
      { id: 'm4', message_type: 'summary_message', summary: 'so far', date: at },
    ])
    expect(said).toMatchObject([
      {
        id: 'm1',
        role: 'approval',
        content: [{ type: 'reasoning' }, { type: 'redacted_reasoning' }, { text: 'I look.' }],
        tool_calls: [{ id: 'c' }],
      },
      { id: 'm2', role: 'approval', approve: false, denial_reason: 'no' },
      { id: 'm4', role: 'summary', content: [{ text: 'so far' }] },
    ])
  })

  it('go in parts of so many and so large, none lost', () => {
    const messages = Array.from({ length: 1100 }, (_, i) => ({ id: `m${i}`, content: 'x'.repeat(i % 3 === 0 ? 30_000 : 10) }))
    const parts = partsOf(messages)
    expect(parts.flat()).toEqual(messages)
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(500)
    expect(Math.max(...parts.map((part) => JSON.stringify(part).length))).toBeLessThan(2_100_000)
    expect(partsOf([])).toEqual([])
  })

  it('lose images that are too large, and say so', () => {
    const image = (length: number) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'a'.repeat(length) } })
    const { message, left } = withoutLargeImages({ id: 'm', content: [image(10), image(700_000)] })
    expect(left).toBe(1)
    expect(message.content).toMatchObject([{ type: 'image' }, { type: 'text', text: expect.stringContaining('left behind') }])
  })
})

describe('the state of an import', () => {
  const between = { from: 'http://a', to: 'http://b' }
  const file = () => path.join(mkdtempSync(path.join(tmpdir(), 'loci-state-')), 'state.jsonl')

  it('survives a line that was cut off while it was written', () => {
    const name = file()
    const first = new State(name, between, false)
    first.begin('agent', 'a1')
    first.finish('block', 'b1', 'B1')
    first.finishAll('passage', ['p1', 'p2'], 'A1')
    first.close()
    appendFileSync(name, '{"kind":"agent","source":"a2","tar')
    const second = new State(name, between, false)
    expect([second.isBegun('agent', 'a1'), second.isDone('agent', 'a1'), second.isBegun('agent', 'a2')]).toEqual([true, false, false])
    expect([second.target('block', 'b1'), second.isDone('passage', 'p2')]).toEqual(['B1', true])
    second.finish('agent', 'a2', 'A2')
    second.close()
    expect(new State(name, between, true).target('agent', 'a2')).toBe('A2')
  })

  it('is of two servers, and refuses others', () => {
    const name = file()
    new State(name, between, false).close()
    expect(() => new State(name, { ...between, to: 'http://c' }, false)).toThrow(/is about moving from http:\/\/a to http:\/\/b/)
  })

  it('is not written by a dry run', () => {
    const name = file()
    new State(name, between, true).finish('agent', 'a', 'b')
    expect(() => readFileSync(name)).toThrow(/ENOENT/)
  })
})

describe('what the user sees', () => {
  it('a bar that is drawn anew on a terminal, plain lines elsewhere', () => {
    const lines: string[] = []
    const plain = new Progress({ write: (text) => lines.push(text) })
    for (let i = 0; i <= 150; i++) plain.step('agents', i, 150)
    expect(lines).toEqual(['agents: 0 of 150\n', 'agents: 100 of 150\n', 'agents: 150 of 150\n'])
    const drawn: string[] = []
    const bar = new Progress({ write: (text) => drawn.push(text), isTTY: true, columns: 80 })
    bar.step('agents', 2, 2)
    expect(drawn).toEqual(['\r\u001b[2Kagents         ████████████████████████ 2/2', '\n'])
  })

  it('a report that says each thing once', () => {
    const report = new Report()
    report.known('agent', 2)
    expect(report.text(false)).toContain('Nothing to do: everything was moved by an earlier run.')
    report.moved('message', 0)
    expect(report.anyMoved).toBe(false)
    report.moved('agent')
    report.skip('Folders')
    report.skip('Folders')
    report.todo('a key')
    report.fail('agent x')
    expect(report.text(false)).toBe(
      [
        'Moved:',
        '        1  agents',
        '',
        'There already:',
        '        2  agents',
        '',
        'Left out:',
        '  - Folders',
        '',
        'To be set by hand:',
        '  - a key',
        '',
        'Failed:',
        '  - agent x',
      ].join('\n'),
    )
  })

  it('a command line that is wrong, said in words', () => {
    expect(readOptions(['--help'], {})).toBeNull()
    expect(readOptions(['--from', 'http://a/v1/'], { LETTA_API_KEY: 'k' })).toMatchObject({
      from: 'http://a',
      to: 'http://127.0.0.1:8283',
      token: 'k',
      agents: [],
    })
    for (const argv of [[], ['--from', 'ftp://a'], ['--from', 'http://a', '--to', 'http://a/'], ['--from', 'http://a', '--nope']])
      expect(() => readOptions(argv, {})).toThrow(UsageError)
  })
})
