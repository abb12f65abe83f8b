import { describe, expect, it } from 'vitest'
import { grepForAgent } from '../../src/resources/files/agent-grep'
import { openForAgent } from '../../src/resources/files/agent-open'
import { fileToolNames } from '../../src/resources/tools/builtins'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'
import { made, uploaded } from '../support/files'

const { DB } = bindings

type Files = Record<string, string>

/** An agent with the files of a folder `docs`, all of them closed. */
async function reader(texts: Files, fields: Record<string, unknown> = {}) {
  const member = await freshOrganization()
  const { call } = member
  const folder = (await made(call, '/v1/folders', { name: 'docs' })).id
  const ids: Files = {}
  for (const [name, text] of Object.entries(texts)) ids[name] = await uploaded(call, folder, text, name)
  const { id } = await made(call, '/v1/agents', { folder_ids: [folder], max_files_open: 2, ...fields })
  await call('PATCH', `/v1/agents/${id}/files/close-all`)
  return { ...member, folder, ids, agent: id, use: (name: string, args: unknown) => used(call, id, name, args) }
}

/** What calls of a tool answer in one turn, each in a step of its own. */
async function used(call: Call, agent: string, name: string, ...args: unknown[]): Promise<{ status: string; text: string }> {
  const input = args.map((each) => `/call ${name} ${JSON.stringify(each)}`).join('\n/then\n')
  const { status, body } = await call('POST', `/v1/agents/${agent}/messages`, { input })
  expect([status, body.stop_reason?.stop_reason]).toEqual([200, 'end_turn'])
  const [answer] = body.messages.filter((each: { message_type: string }) => each.message_type === 'tool_return_message')
  return { status: answer.status, text: answer.tool_return }
}

/** The part of the agent's prompt that shows its folders. */
const prompt = async (call: Call, agent: string): Promise<string> => {
  const [system] = (await call('GET', `/v1/agents/${agent}/messages?order=asc`)).body
  return system.content
}
const numbered = (count: number, word = 'line') => Array.from({ length: count }, (_, i) => `${word} ${i + 1}`).join('\n')
const file = (file_name: string, range: object = {}) => ({ file_name, ...range })

describe('open_files', () => {
  it('opens parts of files, which the prompt of the next step in the same turn shows', async () => {
    const { call, agent, use } = await reader({ 'a.txt': numbered(100), 'b.txt': 'only line\n' })
    const { status, text } = await use('open_files', { file_requests: [file('docs/a.txt', { offset: 10, length: 3 }), file('docs/b.txt')] })
    expect(status).toBe('success')
    expect(text).toContain('2 files opened; 2 of at most 2 are open now')
    expect(text).toContain('* Opened docs/a.txt (lines 11-13 of 100)\n* Opened docs/b.txt (line 1 of 1)')
    // The turn had one more step, whose prompt was compiled anew.
    const system = await prompt(call, agent)
    expect(system).toContain('<value>\n[Viewing lines 11 to 13 (out of 100 lines)]\n11: line 11\n12: line 12\n13: line 13\n</value>')
    expect(system).toContain('<value>\n[Viewing file start (out of 1 lines)]\n1: only line\n</value>')
    const again = await use('open_files', { file_requests: [file('docs/a.txt', { offset: 98 })] })
    expect(again.text).toContain('* Opened docs/a.txt (lines 99-100 of 100; before: lines 11-13)')
    const moved = await use('open_files', { file_requests: [file('docs/a.txt', { length: 500 })] })
    expect(moved.text).toContain('* Opened docs/a.txt (lines 1-100 of 100; before: lines 99-100)')
    const { body } = await call('GET', `/v1/agents/${agent}/files?order=asc`)
    expect(body.files).toMatchObject([{ start_line: 1, end_line: 100 }, { start_line: null }])
  })

  it('closes what was used least recently, never what is asked for, and all others when told so', async () => {
    const { call, agent, use } = await reader({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' })
    await use('open_files', { file_requests: [file('docs/a.txt')] })
    await use('open_files', { file_requests: [file('docs/b.txt')] })
    // Using a file again makes the other the one to go.
    await use('open_files', { file_requests: [file('docs/a.txt')] })
    expect((await use('open_files', { file_requests: [file('docs/c.txt')] })).text).toContain(
      '* Closed what was used least recently: docs/b.txt',
    )
    const both = await use('open_files', { file_requests: [file('docs/b.txt'), file('docs/a.txt')] })
    expect(both.text).toContain('* Opened docs/a.txt (line 1 of 1; before: line 1)')
    expect(both.text).toContain('* Closed what was used least recently: docs/c.txt')
    const alone = await use('open_files', { file_requests: [file('docs/c.txt')], close_all_others: true })
    expect(alone.text).toContain('1 file opened; 1 of at most 2 are open now')
    expect(alone.text).toMatch(/\* Closed all others: docs\/[ab]\.txt, docs\/[ab]\.txt$/)
    expect((await prompt(call, agent)).match(/<file status="open" name="[^"]*">/g)).toEqual(['<file status="open" name="docs/c.txt">'])
  })

  it('shows no more characters than the agent may see of a file, and says where the view ends', async () => {
    const { use, call, agent } = await reader({ 'a.txt': numbered(1_000) }, { per_file_view_window_char_limit: 300 })
    const { text } = await use('open_files', { file_requests: [file('docs/a.txt', { offset: 500 })] })
    const [, last] =
      /\(lines 501-(\d+) of 1000; the view is full at 300 characters: for what follows ask for a larger offset\)/.exec(text) ?? []
    expect(Number(last)).toBeGreaterThan(505)
    const system = await prompt(call, agent)
    expect(system).toContain(`\n${last}: `)
    expect(system).not.toContain(`\n${Number(last) + 1}: `)
    const next = await use('open_files', { file_requests: [file('docs/a.txt', { offset: Number(last) })] })
    expect(next.text).toContain(`(lines ${Number(last) + 1}-`)
  })

  it.each([
    [{}, '`file_requests` must be a list with at least one file'],
    [{ file_requests: [] }, 'at least one file'],
    [{ file_requests: ['docs/a.txt'] }, '`file_requests[0]` must be an object with the `file_name`'],
    [{ file_requests: [file('docs/a.txt', { offset: -1 })] }, '`file_requests[0].offset` must be the number of lines to leave out'],
    [{ file_requests: [file('docs/a.txt', { length: 0 })] }, '`file_requests[0].length` must be a number of lines'],
    [
      { file_requests: [file('docs/a.txt', { offset: 2 })] },
      "Offset 2 is beyond the end of 'docs/a.txt': it has 2 lines, so the largest offset is 1",
    ],
    [{ file_requests: [file('docs/a.txt'), file('a.txt')] }, "You have no file 'a.txt'. Did you mean 'docs/a.txt'"],
    [{ file_requests: [file('zzzzz')] }, "Your files: 'docs/a.txt', 'docs/b.txt', 'docs/c.txt'"],
    [{ file_requests: [file('docs/a.txt'), file('docs/a.txt')] }, "'docs/a.txt' is asked for twice"],
    [{ file_requests: [file('docs/a.txt'), file('docs/b.txt'), file('docs/c.txt')] }, '3 files were asked for, and at most 2 can be open'],
    [{ file_requests: [file('docs/a.txt')], close_all_others: 'yes' }, '`close_all_others` must be true or false'],
  ])('opens nothing for %j, and says what is wrong', async (args, expected) => {
    const { call, agent, use } = await shared()
    expect(await use('open_files', args)).toEqual({ status: 'error', text: expect.stringContaining(expected) })
    expect((await call('GET', `/v1/agents/${agent}/files?is_open=true`)).body.files).toEqual([])
  })

  it('does not open a file that is not read yet, was deleted, or belongs to others', async () => {
    const { call, folder, ids, use } = await reader({ 'a.txt': 'a', 'b.txt': 'b' })
    const other = await reader({ 'secret.txt': 'secret' })
    await DB.prepare('delete from file_contents where file_id = ?1').bind(ids['a.txt']).run()
    expect((await use('open_files', { file_requests: [file('docs/a.txt')] })).text).toContain("'docs/a.txt' cannot be opened yet")
    await call('DELETE', `/v1/folders/${folder}/${ids['b.txt']}`)
    expect((await use('open_files', { file_requests: [file('docs/b.txt')] })).text).toContain("You have no file 'docs/b.txt'")
    expect((await use('open_files', { file_requests: [file('docs/secret.txt')] })).text).not.toContain("'docs/secret.txt'?")
    const opening = { requests: [{ file_name: 'docs/secret.txt', offset: null, length: null }], close_others: false }
    const limits = { max_open: 5, view: 1_000 }
    const asOther = { ...opening, limits, organization_id: other.organization_id, agent_id: other.agent }
    expect((await openForAgent(bindings, asOther)).opened).toHaveLength(1)
    await expect(openForAgent(bindings, { ...asOther, organization_id: 'org-x' })).rejects.toThrow('You have no file')
    // Carried out again after a crash it has the same effect.
    const again = await openForAgent(bindings, asOther)
    expect(again).toMatchObject({ opened: [{ seen: { first: 1, last: 1 }, before: { first: 1, last: 1 } }], closed: [], open: 1 })
  })
})

let known: ReturnType<typeof reader> | undefined
/** An agent that many tests share: what they ask changes nothing. */
function shared() {
  known ??= reader({
    'a.txt': 'alpha\nbeta',
    'b.txt': `${Array.from({ length: 30 }, (_, i) => (i % 2 ? `filler ${i}` : `Item number ${i}`)).join('\n')}\n`,
    'c.txt': 'gamma\r\n\r\nbeta, again\r\n',
  })
  return known
}

describe('grep_files', () => {
  it('shows the lines that match with those around them, numbered as open_files counts them', async () => {
    const { call, agent, use } = await shared()
    const { status, text } = await use('grep_files', { pattern: 'BETA' })
    expect(status).toBe('success')
    expect(text).toBe(
      [
        '2 lines found in 2 of 3 files. Shown: 1 to 2.',
        'Line numbers count from 1: to read on from line N, call open_files with offset N-1.',
        '',
        '- docs/a.txt: 1',
        '- docs/c.txt: 1',
        '',
        '=== docs/a.txt:2 ===',
        '  1: alpha',
        '> 2: beta',
        '',
        '=== docs/c.txt:3 ===',
        '  2: ',
        '> 3: beta, again',
      ].join('\n'),
    )
    await use('open_files', { file_requests: [file('docs/c.txt', { offset: 2, length: 1 })] })
    expect(await prompt(call, agent)).toContain('\n3: beta, again\n')
    await call('PATCH', `/v1/agents/${agent}/files/close-all`)
  })

  it('shows 20 at a time and says how to go on', async () => {
    const { use } = await reader({ 'b.txt': numbered(45) })
    const first = (await use('grep_files', { pattern: '^line', context_lines: 0 })).text
    expect(first).toContain('45 lines found in 1 of 1 file. Shown: 1 to 20. Next: the same call with offset=20.')
    expect(first.match(/^> \d+: line/gm)).toHaveLength(20)
    const last = (await use('grep_files', { pattern: '^line', context_lines: 0, offset: 40 })).text
    expect(last).toContain('Shown: 41 to 45.')
    expect(last).not.toContain('Next:')
    expect(last).toContain('=== docs/b.txt:45 ===\n> 45: line 45')
    expect((await use('grep_files', { pattern: '^line', offset: 45 })).text).toContain(
      '45 lines found in 1 of 1 file: there are none after the first 45.',
    )
  })

  it('ends after a thousand hits and says so', async () => {
    const { use } = await reader({ 'a.txt': numbered(1_200), 'b.txt': numbered(5) })
    const { text } = await use('grep_files', { pattern: 'line' })
    expect(text).toContain('1000 lines found in 1 of 2 files. Shown: 1 to 20.')
    expect(text).toContain('the search ends after so many')
    expect(text).toContain('1 of 2 files were searched')
  })

  it('searches the files whose names a glob or an expression chooses', async () => {
    const { use } = await shared()
    expect((await use('grep_files', { pattern: 'beta', include: 'c.*' })).text).toContain('1 line found in 1 of 1 file.')
    expect((await use('grep_files', { pattern: 'beta', include: '[ab]\\.txt$' })).text).toContain('1 line found in 1 of 2 files.')
    expect((await use('grep_files', { pattern: 'nothing like it' })).text).toBe('No line matches in 3 files.')
    expect(await use('grep_files', { pattern: 'beta', include: '*.md' })).toMatchObject({
      status: 'error',
      text: expect.stringContaining("No name of your files matches include '*.md'. Your files: 'docs/a.txt'"),
    })
  })

  it.each([
    [{}, 'Parameter `pattern` is required'],
    [{ pattern: '' }, 'The pattern is empty'],
    [{ pattern: 'x'.repeat(1_001) }, '1000 are allowed'],
    [{ pattern: 'a(?=b)' }, 'Lookahead and lookbehind'],
    [{ pattern: '(a)\\1' }, 'Backreferences'],
    [{ pattern: '(' }, 'missing closing )'],
    [{ pattern: 'a', context_lines: 11 }, '`context_lines` must be an integer from 0 to 10'],
    [{ pattern: 'a', offset: -1 }, '`offset` must be a number of matches'],
    [{ pattern: 'a', include: 5 }, '`include` must be a string'],
  ])('refuses %j with a reason', async (args, expected) => {
    const { use } = await shared()
    expect(await use('grep_files', args)).toEqual({ status: 'error', text: expect.stringContaining(expected) })
  })

  it('comes to an end with patterns on which others never do, and with a file that is one long line', async () => {
    const { use } = await reader({ 'line.txt': `${'a'.repeat(10_000_000)}b needle`, 'small.txt': 'needle' })
    expect((await use('grep_files', { pattern: '^(a+)+$' })).text).toContain('No line matches in 2 files.')
    const { text } = await use('grep_files', { pattern: 'needle$' })
    expect(text).toContain('2 lines found in 2 of 2 files.')
    expect(text).toContain('Very long lines were searched piece by piece')
    expect(text).toMatch(/> 1: …a+b needle\n/)
    expect(text.length).toBeLessThan(2_000)
  })

  it('leaves out files that cannot be searched, and says which', async () => {
    const { call, folder, ids, organization_id, agent, use } = await reader({ 'a.txt': 'needle', 'b.txt': 'needle', 'c.txt': 'needle' })
    await call('DELETE', `/v1/folders/${folder}/${ids['c.txt']}`)
    await DB.prepare('delete from file_contents where file_id = ?1').bind(ids['b.txt']).run()
    const { text } = await use('grep_files', { pattern: 'needle' })
    expect(text).toContain('1 line found in 1 of 2 files.')
    expect(text).toContain('Not searched, since they are still being processed or cannot be read: docs/b.txt')
    const grep = { organization_id, agent_id: agent, pattern: 'needle', include: null, context: 0, skip: 0, show: 20 }
    // Half a minute is over before the first file has been searched.
    let now = 0
    const clock = { now: () => (now += 20_000), rest: async () => undefined }
    expect(await grepForAgent(bindings, grep, clock)).toMatchObject({ found: 0, stopped: 'time', partly: ['docs/a.txt'] })
    await expect(grepForAgent(bindings, { ...grep, organization_id: 'org-x' })).rejects.toThrow('no files are attached')
  })
})

describe('semantic_search_files', () => {
  it('shows passages by file with the lines where they stand, the best first', async () => {
    const { organization_id, call, use } = await reader({
      'a.txt': 'Otters hold hands.',
      'b.txt': 'Foxes do not.',
      'c.txt': 'An otter eats.',
    })
    const other = await reader({ 'secret.txt': 'otters otters' })
    await DB.prepare(
      "update source_passages set metadata_ = json_object('start_line', 1, 'end_line', 3) where organization_id = ?1 and text like 'Otters%'",
    )
      .bind(organization_id)
      .run()
    const { status, text } = await use('semantic_search_files', { query: 'otters hands' })
    expect(status).toBe('success')
    expect(text).toContain('\n=== docs/a.txt ===\n[lines 1-3]\nOtters hold hands.')
    expect(text).not.toContain('secret')
    expect(text.indexOf('docs/a.txt')).toBeLessThan(text.indexOf('docs/c.txt') + 1 || text.length)
    expect((await use('semantic_search_files', { query: 'do not', limit: 1 })).text).toContain('1 passage found in 1 file')
    expect((await other.use('semantic_search_files', { query: 'foxes' })).text).toBe('Nothing found in your files.')
    expect((await call('GET', '/v1/tools/?name=semantic_search_files')).body[0].enable_parallel_execution).toBe(true)
  })

  it.each([
    [{}, 'Parameter `query` is required'],
    [{ query: ' ' }, '`query` must not be empty'],
    [{ query: 'x', limit: 51 }, '`limit` must be an integer from 1 to 50'],
  ])('refuses %j with a reason', async (args, expected) => {
    const { use } = await shared()
    expect(await use('semantic_search_files', args)).toEqual({ status: 'error', text: expect.stringContaining(expected) })
  })
})

describe('the tools for files', () => {
  const toolsOf = async (call: Call, agent: string): Promise<string[]> =>
    (await call('GET', `/v1/agents/${agent}?include=agent.tools`)).body.tools.map(({ name }: { name: string }) => name)
  const base = ['conversation_search', 'memory_replace', 'memory_insert']

  it('come with the first folder, in one batch with it, and go with the last', async () => {
    const { call, organization_id } = await freshOrganization()
    const { id } = await made(call, '/v1/agents', {})
    const [one, two] = [(await made(call, '/v1/folders', { name: 'one' })).id, (await made(call, '/v1/folders', { name: 'two' })).id]
    // As in an organization from before these tools, which has no rows of them.
    await DB.prepare("delete from tools where organization_id = ?1 and tool_type = 'letta_files_core'").bind(organization_id).run()
    const rules = [{ type: 'requires_approval', tool_name: 'grep_files' }]
    await call('PATCH', `/v1/agents/${id}`, { tool_rules: rules })
    await call('PATCH', `/v1/agents/${id}/folders/attach/${one}`)
    expect(await toolsOf(call, id)).toEqual([...base, ...fileToolNames])
    const grep = (await call('GET', '/v1/tools/?name=grep_files')).body[0].id
    await call('PATCH', `/v1/agents/${id}/tools/detach/${grep}`)
    // A further folder, or one that it has, does not give back what was taken away.
    await call('PATCH', `/v1/agents/${id}/folders/attach/${two}`)
    await call('PATCH', `/v1/agents/${id}/folders/attach/${one}`)
    await call('PATCH', `/v1/agents/${id}/folders/detach/${one}`)
    expect(await toolsOf(call, id)).toEqual([...base, 'open_files', 'semantic_search_files'])
    await call('PATCH', `/v1/agents/${id}/folders/detach/${two}`)
    expect(await toolsOf(call, id)).toEqual(base)
    expect((await call('PATCH', `/v1/agents/${id}/folders/detach/${two}`)).status).toBe(404)
    expect((await call('GET', `/v1/agents/${id}`)).body.tool_rules).toMatchObject(rules)
  })

  it('come with the folders of a new agent, stay when they are exchanged, and go when none is left', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [(await made(call, '/v1/folders', { name: 'one' })).id, (await made(call, '/v1/folders', { name: 'two' })).id]
    for (const field of ['folder_ids', 'source_ids']) {
      const { id } = await made(call, '/v1/agents', { [field]: [one], include_base_tools: false })
      expect(await toolsOf(call, id)).toEqual(fileToolNames)
      const open = (await call('GET', '/v1/tools/?name=open_files')).body[0].id
      await call('PATCH', `/v1/agents/${id}/tools/detach/${open}`)
      expect((await call('PATCH', `/v1/agents/${id}`, { [field]: [two] })).body.tools).toHaveLength(2)
      expect((await call('PATCH', `/v1/agents/${id}`, { [field]: [] })).body.tools).toEqual([])
      expect((await call('PATCH', `/v1/agents/${id}`, { [field]: [one, two] })).body.tools).toHaveLength(3)
    }
    const lone = await made(call, '/v1/agents', { tools: ['grep_files'], folder_ids: [], include_base_tools: false })
    expect((await call('PATCH', `/v1/agents/${lone.id}`, { folder_ids: [] })).body.tools).toMatchObject([{ name: 'grep_files' }])
  })

  it('go from agents whose only folder is deleted', async () => {
    const { call } = await freshOrganization()
    const [one, two] = [(await made(call, '/v1/folders', { name: 'one' })).id, (await made(call, '/v1/folders', { name: 'two' })).id]
    const only = (await made(call, '/v1/agents', { folder_ids: [one] })).id
    const both = (await made(call, '/v1/agents', { folder_ids: [one, two] })).id
    await call('DELETE', `/v1/folders/${one}`)
    expect(await toolsOf(call, only)).toEqual(base)
    expect(await toolsOf(call, both)).toEqual([...base, ...fileToolNames])
  })

  it('bring along the approval that the organization asks for by default', async () => {
    const { call } = await freshOrganization()
    const folder = (await made(call, '/v1/folders', { name: 'one' })).id
    const [grep] = (await call('GET', '/v1/tools/?name=grep_files')).body
    await call('PATCH', `/v1/tools/${grep.id}`, { default_requires_approval: true })
    const { id } = await made(call, '/v1/agents', { folder_ids: [folder] })
    const rules = (await call('GET', `/v1/agents/${id}`)).body.tool_rules
    expect(rules).toMatchObject([{ type: 'requires_approval', tool_name: 'grep_files' }])
  })

  it('are not those of a stranger', async () => {
    const { call } = await freshOrganization()
    const stranger = await freshOrganization()
    const folder = (await made(call, '/v1/folders', { name: 'one' })).id
    const { id } = await made(stranger.call, '/v1/agents', {})
    expect((await stranger.call('PATCH', `/v1/agents/${id}/folders/attach/${folder}`)).status).toBe(404)
    expect(await toolsOf(stranger.call, id)).toEqual(base)
    expect((await stranger.call('PATCH', `/v1/agents/${id}`, { folder_ids: [folder] })).status).toBe(404)
    expect(await toolsOf(stranger.call, id)).toEqual(base)
  })
})
