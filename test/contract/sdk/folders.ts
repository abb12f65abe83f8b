import type Letta from '@letta-ai/letta-client'
import { APIError, BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { type Api, everyItem, failureOf, until } from '../api'

const names = (rows: { name: string }[]) => rows.map(({ name }) => name)
const fileNames = (rows: { file_name?: string | null }[]) => rows.map(({ file_name }) => file_name)
const text = (content: string, name: string) => new File([content], name)

/** Uploads a text and polls it, as clients do, until it is processed. */
async function uploaded(client: Letta, folder_id: string, content: string, name: string) {
  const { id } = await client.folders.files.upload(folder_id, { file: text(content, name) })
  return until(async () => {
    const file = await client.folders.files.retrieve(id, { folder_id })
    return file.processing_status === 'completed' && file
  })
}

export function folders(api: Api): void {
  describe('folders', () => {
    it('are created, read, changed, listed and deleted', async () => {
      const { client, exchanges } = await api.member()
      const folder = await client.folders.create({ name: 'handbook', description: 'How we work', metadata: { a: 1 } })
      expect(folder).toMatchObject({ id: expect.stringMatching(/^source-/), name: 'handbook', instructions: null, metadata: { a: 1 } })
      expect(folder.embedding_config).toMatchObject({ handle: 'loci/use-lite', embedding_dim: 512 })
      expect(await client.folders.retrieve(folder.id)).toEqual(folder)
      const changed = await client.folders.update(folder.id, { instructions: 'Read first', metadata: { b: 2 } })
      expect(changed).toMatchObject({ id: folder.id, name: 'handbook', instructions: 'Read first', metadata: { b: 2 } })
      for (const name of ['b', 'c', 'd', 'e']) await client.folders.create({ name })
      expect(names(await everyItem(client.folders.list({ limit: 2 })))).toEqual(['handbook', 'b', 'c', 'd', 'e'])
      expect(names(await everyItem(client.folders.list({ limit: 2, order: 'desc' })))).toEqual(['e', 'd', 'c', 'b', 'handbook'])
      expect(names((await client.folders.list({ name: 'c' })).items)).toEqual(['c'])
      exchanges()
      const conflict = await failureOf(client.folders.create({ name: 'handbook' }), ConflictError)
      expect(conflict.error).toMatchObject({ detail: expect.stringContaining("'handbook'") })
      expect(exchanges()).toHaveLength(1)
      await failureOf(client.folders.update(folder.id, { name: 'b' }), ConflictError)
      await failureOf(client.folders.create({ name: '' }), UnprocessableEntityError)
      expect(await client.folders.delete(folder.id)).toBeNull()
      await failureOf(client.folders.retrieve(folder.id), NotFoundError)
      await failureOf(client.folders.delete(folder.id), NotFoundError)
    })

    it('hold files, which are uploaded, polled, read, listed and deleted', async () => {
      const { client } = await api.member()
      const folder_id = (await client.folders.create({ name: 'docs' })).id
      const answer = await client.folders.files.upload(folder_id, { file: text('# Otters\n', 'otters.md') })
      expect(answer).toMatchObject({ id: expect.stringMatching(/^file-/), source_id: folder_id, file_name: 'docs/otters.md', file_size: 9 })
      expect(answer).toMatchObject({ processing_status: 'pending', original_file_name: 'otters.md', file_type: 'text/markdown' })
      const done = await until(async () => {
        const file = await client.folders.files.retrieve(answer.id, { folder_id })
        return file.processing_status === 'completed' && file
      })
      expect(done).toMatchObject({ id: answer.id, file_name: 'otters.md', total_chunks: 1, content: null, error_message: null })
      expect(await client.folders.files.retrieve(answer.id, { folder_id, include_content: true })).toMatchObject({ content: '# Otters\n' })
      for (const name of ['b.txt', 'c.txt', 'd.txt']) await uploaded(client, folder_id, name, name)
      expect(fileNames(await everyItem(client.folders.files.list(folder_id, { limit: 3 })))).toEqual([
        'd.txt',
        'c.txt',
        'b.txt',
        'otters.md',
      ])
      const [oldest] = (await client.folders.files.list(folder_id, { order: 'asc', include_content: true, limit: 1 })).items
      expect(oldest).toMatchObject({ id: answer.id, content: '# Otters\n' })
      expect(await client.folders.files.delete(answer.id, { folder_id })).toBeNull()
      await failureOf(client.folders.files.retrieve(answer.id, { folder_id }), NotFoundError)
      await failureOf(client.folders.files.delete(answer.id, { folder_id }), NotFoundError)
    })

    it('take files of one name in four ways, under a name of the sender’s choice', async () => {
      const { client } = await api.member()
      const folder = (await client.folders.create({ name: 'docs' })).id
      const first = await client.folders.files.upload(folder, { file: text('one', 'a.txt') })
      const send = (duplicate_handling: 'skip' | 'error' | 'suffix' | 'replace') =>
        client.folders.files.upload(folder, { file: text('two', 'other.txt'), name: 'a.txt', duplicate_handling })
      expect(await send('suffix')).toMatchObject({ file_name: 'docs/a_(1).txt', original_file_name: 'other.txt' })
      const { data, response } = await send('skip').withResponse()
      expect([data.id, response.headers.get('x-upload-result')]).toEqual([first.id, 'skipped'])
      const refused = await failureOf(send('error'), BadRequestError)
      expect(refused.error).toMatchObject({ detail: expect.stringContaining("'a.txt'") })
      const replacing = await send('replace')
      expect(replacing.id).not.toBe(first.id)
      expect(replacing.file_name).toBe('docs/a.txt')
      await failureOf(client.folders.files.retrieve(first.id, { folder_id: folder }), NotFoundError)
    })

    it('refuse files that they cannot read, and say which they can', async () => {
      const { client } = await api.member()
      const folder = (await client.folders.create({ name: 'docs' })).id
      const error = await failureOf(client.folders.files.upload(folder, { file: text('%PDF', 'slides.pptx') }), APIError)
      expect(error.status).toBe(415)
      expect(error.error).toMatchObject({ detail: expect.stringMatching(/'slides\.pptx'.*\.md/) })
      await failureOf(client.folders.files.upload(folder, { file: text('', 'empty.txt') }), UnprocessableEntityError)
      expect((await client.folders.files.list(folder)).items).toEqual([])
    })

    it('are given to agents with their files', async () => {
      const { client } = await api.member()
      const folder = await client.folders.create({ name: 'docs' })
      await uploaded(client, folder.id, 'text of a', 'a.txt')
      const [agent, other] = [await client.agents.create({}), await client.agents.create({ folder_ids: [folder.id] })]
      expect((await client.agents.folders.list(agent.id)).items).toEqual([])
      expect(await client.agents.folders.attach(folder.id, { agent_id: agent.id })).toBeNull()
      expect((await client.agents.folders.list(agent.id)).items).toMatchObject([
        { id: folder.id, name: 'docs', vector_db_provider: 'native' },
      ])
      expect(await client.folders.agents.list(folder.id, { order: 'asc' })).toEqual([agent.id, other.id])
      const retrieved = await client.agents.retrieve(agent.id, { include: ['agent.sources', 'agent.blocks', 'agent.tools'] })
      expect(retrieved.sources).toMatchObject([{ id: folder.id }])
      const forFiles = ['open_files', 'grep_files', 'semantic_search_files']
      for (const { tools } of [retrieved, other])
        expect(tools.flatMap(({ name, tool_type }) => (tool_type === 'letta_files_core' ? [name] : []))).toEqual(forFiles)
      const found = await client.agents.tools.run('grep_files', { agent_id: agent.id, args: { pattern: 'TEXT' } })
      expect(found).toMatchObject({ status: 'success', func_return: expect.stringContaining('=== docs/a.txt:1 ===\n> 1: text of a') })
      expect(retrieved.memory.file_blocks).toMatchObject([
        { label: 'docs/a.txt', is_open: true, value: expect.stringContaining('text of a') },
      ])
      expect(await client.agents.folders.detach(folder.id, { agent_id: agent.id })).toBeNull()
      expect(await client.folders.agents.list(folder.id)).toEqual([other.id])
      await failureOf(client.agents.folders.detach(folder.id, { agent_id: agent.id }), NotFoundError)
      expect((await client.agents.update(agent.id, { folder_ids: [folder.id] })).sources).toHaveLength(1)
      expect((await client.agents.update(agent.id, { source_ids: [] })).sources).toEqual([])
    })
  })

  describe('the files of an agent', () => {
    it('are listed, opened in place of others, and closed', async () => {
      const { client } = await api.member()
      const folder = (await client.folders.create({ name: 'docs' })).id
      const ids: string[] = []
      for (const name of ['a.txt', 'b.txt', 'c.txt']) ids.push((await uploaded(client, folder, `text of ${name}`, name)).id)
      const [a = '', , c = ''] = ids
      const { id: agent_id } = await client.agents.create({ folder_ids: [folder], max_files_open: 2 })
      const page = await client.agents.files.list(agent_id, { order: 'asc', limit: 2 })
      expect(page).toMatchObject({ has_more: true, next_cursor: page.files[1]?.id })
      expect(page.files[0]).toMatchObject({ file_id: a, file_name: 'docs/a.txt', folder_id: folder, folder_name: 'docs', is_open: false })
      expect((await everyItem(client.agents.files.list(agent_id, { order: 'asc', limit: 2 }))).map(({ file_id }) => file_id)).toEqual(ids)
      const rest = await client.agents.files.list(agent_id, { order: 'asc', limit: 2, cursor: page.next_cursor })
      expect(rest).toMatchObject({ files: [{ file_id: c, is_open: true }], has_more: false, next_cursor: null })
      expect(await client.agents.files.open(a, { agent_id })).toEqual(['docs/b.txt'])
      const open = (await client.agents.files.list(agent_id, { is_open: true, order: 'asc' })).files
      expect(fileNames(open)).toEqual(['docs/a.txt', 'docs/c.txt'])
      expect(open[0]?.visible_content).toBe('[Viewing file start (out of 1 lines)]\n1: text of a.txt')
      expect(await client.agents.files.close(a, { agent_id })).toMatchObject({ message: expect.any(String) })
      expect(await client.agents.files.closeAll(agent_id)).toEqual(['docs/c.txt'])
      expect((await client.agents.files.list(agent_id, { is_open: true })).files).toEqual([])
      await failureOf(client.agents.files.open(folder.replace('source', 'file'), { agent_id }), NotFoundError)
    })
  })
}
