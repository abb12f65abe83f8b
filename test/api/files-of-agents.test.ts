import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { type Call, formWith, freshOrganization } from '../support/client'
import { countOf, eventually, finished, made, upload, uploaded } from '../support/files'

const { DB } = bindings

interface Attachment {
  id: string
  file_id: string
  file_name: string
  is_open: boolean
  visible_content: string | null
}

/** An organization with a folder of files that hold their own names, and an agent that may have `max` of them open. */
async function setup(names: string[], agent: Record<string, unknown> = {}) {
  const member = await freshOrganization()
  const { call } = member
  const folder = (await made(call, '/v1/folders', { name: 'docs', description: 'What we know' })).id
  const ids: Record<string, string> = {}
  for (const name of names) ids[name] = await uploaded(call, folder, `text of ${name}`, name)
  const { id } = await made(call, '/v1/agents', { max_files_open: 2, ...agent })
  return { ...member, folder, ids, agent: id, path: `/v1/agents/${id}` }
}
const filesOf = async (call: Call, path: string, query = ''): Promise<Attachment[]> =>
  (await call('GET', `${path}/files?order=asc${query}`)).body.files
const openIn = async (call: Call, path: string) =>
  (await filesOf(call, path, '&is_open=true')).map(({ file_name }) => file_name.replace('docs/', '')).sort()

describe('the folders of an agent', () => {
  it('are attached and detached, with their files', async () => {
    const { call, folder, agent, path, ids } = await setup(['a.txt', 'b.txt', 'c.txt'])
    expect((await call('GET', `${path}/folders`)).body).toEqual([])
    expect(await call('PATCH', `${path}/folders/attach/${folder}`)).toMatchObject({ status: 200, body: null })
    expect((await call('GET', `${path}/folders`)).body).toMatchObject([{ id: folder, name: 'docs', vector_db_provider: 'native' }])
    expect((await call('GET', `/v1/folders/${folder}/agents`)).body).toEqual([agent])
    const attached = await filesOf(call, path)
    expect(attached.map(({ file_id }) => file_id)).toEqual([ids['a.txt'], ids['b.txt'], ids['c.txt']])
    expect(attached[2]).toEqual({
      id: expect.stringMatching(/^file_agent-/),
      file_id: ids['c.txt'],
      file_name: 'docs/c.txt',
      folder_id: folder,
      folder_name: 'docs',
      is_open: true,
      last_accessed_at: expect.any(String),
      visible_content: '[Viewing file start (out of 1 lines)]\n1: text of c.txt',
      start_line: null,
      end_line: null,
    })
    // The newest are open, as many as may be.
    expect(await openIn(call, path)).toEqual(['b.txt', 'c.txt'])
    expect(attached[0]).toMatchObject({ is_open: false, visible_content: null })
    expect(await call('PATCH', `${path}/folders/attach/${folder}`)).toMatchObject({ status: 200 })
    expect(await filesOf(call, path)).toEqual(attached)
    expect(await call('PATCH', `${path}/folders/detach/${folder}`)).toMatchObject({ status: 200, body: null })
    expect([await filesOf(call, path), (await call('GET', `/v1/folders/${folder}/agents`)).body]).toEqual([[], []])
    expect((await call('PATCH', `${path}/folders/detach/${folder}`)).status).toBe(404)
    await call('PATCH', `${path}/folders/attach/${folder}`)
    expect(await openIn(call, path)).toEqual(['b.txt', 'c.txt'])
  })

  it('are given when it is made, and replaced when it is changed', async () => {
    const { call, folder } = await setup(['a.txt'])
    const other = (await made(call, '/v1/folders', { name: 'other' })).id
    await uploaded(call, other, 'other text', 'o.txt')
    const agent = (await call('POST', '/v1/agents', { folder_ids: [folder], source_ids: [folder] })).body
    const path = `/v1/agents/${agent.id}`
    expect(agent.sources).toMatchObject([{ id: folder, name: 'docs' }])
    expect(agent.memory.file_blocks).toMatchObject([
      {
        label: 'docs/a.txt',
        value: expect.stringContaining('text of a.txt'),
        is_open: true,
        read_only: true,
        source_id: folder,
        limit: 25_000,
      },
    ])
    const both = await call('PATCH', path, { source_ids: [folder, other] })
    expect(both.body.sources.map(({ id }: { id: string }) => id)).toEqual([folder, other])
    expect((await filesOf(call, path)).map(({ file_name }) => file_name).sort()).toEqual(['docs/a.txt', 'other/o.txt'])
    expect((await call('PATCH', path, { name: 'renamed' })).body.sources).toHaveLength(2)
    expect((await call('PATCH', path, { folder_ids: [other] })).body.sources).toMatchObject([{ id: other }])
    expect((await filesOf(call, path)).map(({ file_name }) => file_name)).toEqual(['other/o.txt'])
    const refused = await call('PATCH', path, { folder_ids: [folder, 'source-00000000-0000-4000-8000-000000000000'], name: 'kept out' })
    expect(refused).toMatchObject({ status: 404, body: { detail: expect.stringContaining('source-00000000') } })
    expect((await call('GET', path)).body.name).toBe('renamed')
    expect((await call('PATCH', path, { folder_ids: [] })).body.sources).toEqual([])
    expect(await filesOf(call, path)).toEqual([])
  })

  it('are shown with an agent when they are asked for', async () => {
    const { call, folder, path } = await setup(['a.txt'])
    await call('PATCH', `${path}/folders/attach/${folder}`)
    for (const query of ['include=agent.sources', 'include_relationships=sources']) {
      expect((await call('GET', `${path}?${query}`)).body).toMatchObject({
        sources: [{ id: folder }],
        blocks: [],
        memory: { file_blocks: [] },
      })
      expect((await call('GET', `/v1/agents/?${query}`)).body[0].sources).toHaveLength(1)
    }
    expect((await call('GET', `${path}?include=agent.tags`)).body.sources).toEqual([])
    expect((await call('GET', `${path}/core-memory`)).body.file_blocks).toMatchObject([{ label: 'docs/a.txt', is_open: true }])
  })

  it('page by id', async () => {
    const { call, path } = await setup([])
    const ids: string[] = []
    for (const name of ['a', 'b', 'c']) ids.push((await made(call, '/v1/folders', { name })).id)
    await call('PATCH', path, { folder_ids: ids })
    const list = async (query: string) => (await call('GET', `${path}/folders?${query}`)).body.map(({ name }: { name: string }) => name)
    expect(await list('')).toEqual(['c', 'b', 'a'])
    expect(await list(`order=asc&after=${ids[0]}&limit=1`)).toEqual(['b'])
    expect((await call('GET', `${path}/folders?after=source-00000000-0000-4000-8000-000000000000`)).status).toBe(404)
  })

  it('are in its system prompt, with what is open of them', async () => {
    const { call, folder, path } = await setup(['a.txt', 'b.txt', 'c.txt'])
    const prompt = async () => (await call('POST', `${path}/recompile?dry_run=true`)).body
    expect(await prompt()).not.toContain('<directories>')
    await call('PATCH', `${path}/folders/attach/${folder}`)
    const { body: said } = await call('POST', `${path}/messages`, { input: '/say Hi.' })
    expect(said.messages).toHaveLength(1)
    const system = async () => (await call('GET', `${path}/context`)).body
    const { directories, num_tokens_directories } = await system()
    expect(directories).toContain('- current_files_open=2\n- max_files_open=2')
    expect(directories).toContain('<directory name="docs">\n<description>What we know</description>')
    expect(directories).toContain('<value>\n[Viewing file start (out of 1 lines)]\n1: text of c.txt\n</value>')
    expect(directories).toContain('<file status="closed" name="docs/a.txt">\n</file>')
    expect(num_tokens_directories).toBeGreaterThan(50)
    expect(await prompt()).toContain(directories)
    const [message] = (await call('GET', `${path}/messages?order=asc`)).body
    expect(message).toMatchObject({ message_type: 'system_message', content: expect.stringContaining('text of c.txt') })
    await call('PATCH', `${path}/files/close-all`)
    await call('POST', `${path}/messages`, { input: '/say Hi.' })
    expect((await call('GET', `${path}/messages?order=asc`)).body[0].content).not.toContain('text of c.txt')
  })

  it('leave with it', async () => {
    const { call, folder, path, organization_id } = await setup(['a.txt'])
    await call('PATCH', `${path}/folders/attach/${folder}`)
    await call('DELETE', path)
    expect([await countOf('files_agents', organization_id), (await call('GET', `/v1/folders/${folder}/agents`)).body]).toEqual([0, []])
    expect((await call('GET', `/v1/folders/${folder}/files`)).body).toHaveLength(1)
  })
})

describe('the files of an agent', () => {
  it('are opened in place of those that were used least recently, and closed', async () => {
    const { call, folder, path, ids } = await setup(['a.txt', 'b.txt', 'c.txt'])
    await call('PATCH', `${path}/folders/attach/${folder}`)
    const open = async (name: string) => (await call('PATCH', `${path}/files/${ids[name]}/open`)).body
    expect(await open('a.txt')).toEqual(['docs/b.txt'])
    expect(await open('c.txt')).toEqual([])
    expect(await open('b.txt')).toEqual(['docs/a.txt'])
    expect(await openIn(call, path)).toEqual(['b.txt', 'c.txt'])
    expect((await call('PATCH', `${path}/files/${ids['c.txt']}/close`)).body).toEqual({
      message: expect.stringContaining(ids['c.txt'] ?? ''),
    })
    expect((await filesOf(call, path, '&is_open=false')).map(({ visible_content }) => visible_content)).toEqual([null, null])
    expect((await call('PATCH', `${path}/files/close-all`)).body).toEqual(['docs/b.txt'])
    expect((await call('PATCH', `${path}/files/close-all`)).body).toEqual([])
    expect((await call('PATCH', `${path}/files/${ids['c.txt']}/close`)).status).toBe(200)
    for (const verb of ['open', 'close']) {
      expect((await call('PATCH', `${path}/files/file-00000000-0000-4000-8000-000000000000/${verb}`)).status).toBe(404)
    }
  })

  it('are shown up to the agent’s limit of characters', async () => {
    const { call, folder, ids } = await setup(['a.txt'])
    ids.long = await uploaded(call, folder, 'All work and no play.\n'.repeat(500), 'long.txt')
    const { id } = await made(call, '/v1/agents', { per_file_view_window_char_limit: 300, folder_ids: [folder] })
    const seen = async () => (await filesOf(call, `/v1/agents/${id}`)).find(({ file_id }) => file_id === ids.long)?.visible_content
    expect(await seen()).toHaveLength(300)
    expect(await seen()).toMatch(/^\[Viewing file start \(out of 500 lines\)\]\n1: All work.*cut at 300 characters/s)
    await call('PATCH', `/v1/agents/${id}`, { per_file_view_window_char_limit: 100 })
    expect(await seen()).toHaveLength(100)
    expect((await call('GET', `/v1/agents/${id}/core-memory`)).body.file_blocks[1]).toMatchObject({ limit: 100, value: await seen() })
    expect((await call('GET', `/v1/agents/${id}/context`)).body.directories).toContain('- chars_current=100\n- chars_limit=100')
    await call('PATCH', `/v1/agents/${id}/files/${ids.long}/open`)
    expect(await seen()).toMatch(/cut at 100 characters/)
  })

  it('are closed beyond a limit that is lowered', async () => {
    const { call, folder, path } = await setup(['a.txt', 'b.txt', 'c.txt'], { max_files_open: 3 })
    await call('PATCH', `${path}/folders/attach/${folder}`)
    expect(await openIn(call, path)).toEqual(['a.txt', 'b.txt', 'c.txt'])
    await call('PATCH', path, { max_files_open: 1 })
    expect(await openIn(call, path)).toEqual(['c.txt'])
  })

  it('come to it as they are uploaded, open, and cannot be opened before they are read', async () => {
    const { call, folder, path, organization_id } = await setup(['a.txt', 'b.txt'])
    await call('PATCH', `${path}/folders/attach/${folder}`)
    const { body } = await upload(call, folder, 'new text', 'new.txt')
    await finished(call, folder, body.id)
    expect(await openIn(call, path)).toEqual(['b.txt', 'new.txt'])
    // As if it were not read yet.
    const unread = (await upload(call, folder, 'unread', 'unread.txt')).body.id
    await finished(call, folder, unread)
    await DB.batch([
      DB.prepare("update files set processing_status = 'parsing' where id = ?1").bind(unread),
      DB.prepare('delete from file_contents where file_id = ?1').bind(unread),
    ])
    const refused = await call('PATCH', `${path}/files/${unread}/open`)
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('being processed (parsing)') } })
    expect(await countOf('files_agents', organization_id)).toBe(4)
  })

  it('are deleted and replaced with those of the folder', async () => {
    const { call, folder, path, ids } = await setup(['a.txt', 'b.txt'])
    await call('PATCH', `${path}/folders/attach/${folder}`)
    await call('DELETE', `/v1/folders/${folder}/${ids['a.txt']}`)
    expect((await filesOf(call, path)).map(({ file_name }) => file_name)).toEqual(['docs/b.txt'])
    const { body } = await upload(call, folder, 'another', 'b.txt', '?duplicate_handling=replace')
    await eventually(async () => (await filesOf(call, path)).some(({ file_id }) => file_id === body.id))
    expect(await filesOf(call, path)).toMatchObject([{ file_name: 'docs/b.txt', visible_content: expect.stringContaining('another') }])
  })

  it('page by cursor, forwards and back', async () => {
    const { call, folder, path } = await setup(['a.txt', 'b.txt', 'c.txt'])
    await call('PATCH', `${path}/folders/attach/${folder}`)
    const page = async (query: string) => {
      const { body } = await call('GET', `${path}/files?${query}`)
      return { ...body, files: body.files.map(({ file_name }: Attachment) => file_name.replace('docs/', '')) }
    }
    const first = await page('order=asc&limit=2')
    expect(first).toEqual({ files: ['a.txt', 'b.txt'], has_more: true, next_cursor: expect.stringMatching(/^file_agent-/) })
    const last = { files: ['c.txt'], has_more: false, next_cursor: null }
    for (const name of ['after', 'cursor']) expect(await page(`order=asc&limit=2&${name}=${first.next_cursor}`)).toEqual(last)
    expect(await page('limit=2')).toMatchObject({ files: ['c.txt', 'b.txt'], has_more: true })
    const all = await filesOf(call, path)
    expect(await page(`order=asc&limit=1&before=${all[2]?.id}`)).toEqual({ files: ['b.txt'], has_more: true, next_cursor: all[1]?.id })
    expect(await page(`order=asc&limit=1&before=${all[1]?.id}`)).toEqual({ files: ['a.txt'], has_more: false, next_cursor: null })
    expect((await call('GET', `${path}/files?cursor=${folder}`)).status).toBe(404)
  })

  it('come along in an agent file, under the name of the new folder, and are processed again', async () => {
    const { call, folder, path } = await setup(['a.txt', 'b.txt'], { max_files_open: 1 })
    await call('PATCH', `${path}/folders/attach/${folder}`)
    const { body: exported } = await call('GET', `${path}/export`)
    const { body: imported } = await call('POST', '/v1/agents/import', formWith(JSON.stringify(exported), 'agent.af', 'application/json'))
    const copy = `/v1/agents/${imported.agent_ids[0]}`
    const [source] = (await call('GET', `${copy}/folders`)).body
    expect(source.name).toBe('docs_2')
    const files = await filesOf(call, copy)
    expect(files).toMatchObject([
      { file_name: 'docs_2/a.txt', is_open: false, visible_content: null },
      { file_name: 'docs_2/b.txt', is_open: true, visible_content: expect.stringContaining('text of b.txt') },
    ])
    for (const { file_id } of files)
      expect(await finished(call, source.id, file_id)).toMatchObject({ processing_status: 'completed', total_chunks: 1 })
    expect(
      (await call('GET', `/v1/folders/${source.id}/passages?order=asc`)).body.map(({ text }: { text: string }) => text).sort(),
    ).toEqual(['text of a.txt', 'text of b.txt'])
    expect(await openIn(call, copy)).toEqual(['docs_2/b.txt'])
    expect((await call('PATCH', `${copy}/files/${files[0]?.file_id}/open`)).body).toEqual(['docs_2/b.txt'])
  })

  it('that are open are always the last ones used, and never more than may be', async () => {
    const names = ['a.txt', 'b.txt', 'c.txt', 'd.txt', 'e.txt']
    const { call, folder, ids } = await setup(names)
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ verb: fc.constant('open' as const), name: fc.constantFrom(...names) }) },
      { weight: 2, arbitrary: fc.record({ verb: fc.constant('close' as const), name: fc.constantFrom(...names) }) },
      { weight: 1, arbitrary: fc.record({ verb: fc.constant('limit' as const), to: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 1, arbitrary: fc.constant({ verb: 'detach' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 12 }), async (max, steps) => {
        const { id } = await made(call, '/v1/agents', { max_files_open: max, folder_ids: [folder] })
        const path = `/v1/agents/${id}`
        let limit = max
        // Open files, the one used last at the end.
        let model = names.slice(-limit)
        for (const each of steps) {
          if (each.verb === 'open') {
            const evicted = (await call('PATCH', `${path}/files/${ids[each.name]}/open`)).body
            const after = [...model.filter((name) => name !== each.name), each.name]
            expect(evicted).toEqual(after.slice(0, -limit).map((name) => `docs/${name}`))
            model = after.slice(-limit)
          } else if (each.verb === 'close') {
            await call('PATCH', `${path}/files/${ids[each.name]}/close`)
            model = model.filter((name) => name !== each.name)
          } else if (each.verb === 'limit') {
            await call('PATCH', path, { max_files_open: each.to })
            limit = each.to
            model = model.slice(-limit)
          } else {
            await call('PATCH', `${path}/folders/detach/${folder}`)
            await call('PATCH', `${path}/folders/attach/${folder}`)
            model = names.slice(-limit)
          }
          expect(await openIn(call, path)).toEqual(model.toSorted())
        }
      }),
      { numRuns: 12 },
    )
  }, 60_000)

  it('are never more open than may be, also when many are opened at once', async () => {
    const names = ['a.txt', 'b.txt', 'c.txt', 'd.txt', 'e.txt', 'f.txt']
    const { call, folder, path, ids } = await setup(names, { max_files_open: 2 })
    await call('PATCH', `${path}/folders/attach/${folder}`)
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => names.map((name) => call('PATCH', `${path}/files/${ids[name]}/open`))).flat(),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await openIn(call, path)).toHaveLength(2)
    const rows = await DB.prepare('select is_open, visible_content from files_agents').all<{
      is_open: number
      visible_content: string | null
    }>()
    expect(rows.results.filter((row) => (row.is_open === 1) !== (row.visible_content !== null))).toEqual([])
  })

  it('keep another organization out', async () => {
    const mine = await setup(['a.txt'])
    const other = await setup(['b.txt'])
    await mine.call('PATCH', `${mine.path}/folders/attach/${mine.folder}`)
    for (const [method, path] of [
      ['PATCH', `${other.path}/folders/attach/${mine.folder}`],
      ['PATCH', `${mine.path}/folders/attach/${other.folder}`],
      ['PATCH', `${mine.path}/folders/detach/${mine.folder}`],
      ['GET', `${mine.path}/files`],
      ['PATCH', `${mine.path}/files/${mine.ids['a.txt']}/open`],
      ['PATCH', `${mine.path}/files/close-all`],
      ['GET', `/v1/folders/${mine.folder}/files/${mine.ids['a.txt']}`],
      ['DELETE', `/v1/folders/${mine.folder}/${mine.ids['a.txt']}`],
      ['DELETE', `/v1/folders/${other.folder}/${mine.ids['a.txt']}`],
    ] as const) {
      expect([method, path, (await other.call(method, path)).status]).toEqual([method, path, 404])
    }
    expect((await other.call('POST', '/v1/agents', { folder_ids: [mine.folder] })).status).toBe(404)
    expect((await upload(other.call, mine.folder, 'x', 'x.txt')).status).toBe(404)
    expect(await filesOf(mine.call, mine.path)).toHaveLength(1)
  })
})
