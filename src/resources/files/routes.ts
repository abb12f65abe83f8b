import { z } from '@hono/zod-openapi'
import { createOnce } from '../../db/once'
import { idOf, json, operation } from '../../http/crud'
import { receiveFile } from '../../http/multipart'
import { type App, router } from '../../http/router'
import { folderIn, folderParam, type Mount, mounts } from '../folders/routes'
import { folderService } from '../folders/service'
import { textOf } from './contents'
import { maxFileBytes } from './objects'
import { agentFileService } from './of-agents'
import { enqueue, retryFile, summonFor } from './queue'
import {
  AgentFileQuery,
  FileMetadata,
  FileQuery,
  OneFileQuery,
  PaginatedAgentFiles,
  SourceFileQuery,
  UploadQuery,
  uploadForm,
} from './schema'
import { fileOf, fileService } from './service'
import { isLeft } from './states'
import { type Uploaded, uploadFile } from './upload'

const file = z.object({ file_id: idOf('file') })

/** A JSON text whose last member is a text that comes in pieces: a file may be longer than what fits in memory. */
function streamed(members: Record<string, unknown>, name: string, pieces: AsyncIterable<string>): ReadableStream<Uint8Array> {
  async function* parts() {
    yield `${JSON.stringify(members).slice(0, -1)},${JSON.stringify(name)}:"`
    for await (const piece of pieces) yield JSON.stringify(piece).slice(1, -1)
    yield '"}'
  }
  const [source, encoder] = [parts(), new TextEncoder()]
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel: () => void source.return(undefined),
  })
}

/** `/v1/folders/{folder_id}` or `/v1/sources/{source_id}`: the files of a folder. */
function filesOf(mount: Mount): App {
  const { noun, deprecated } = mount
  const op = (operationId: string) => ({ tags: [`${noun}s`, 'files'], operationId, deprecated })
  const params = folderParam(mount)
  const withFile = params.extend(file.shape)
  const base = `/{${mount.id}}`
  const app = router()

  app.openapi(
    operation(
      {
        ...op(`list_${noun}_files`),
        method: 'get',
        path: `${base}/files`,
        request: { params, query: noun === 'folder' ? FileQuery : SourceFileQuery },
      },
      { 200: json(z.array(FileMetadata), 'One page of the files of the folder') },
    ),
    async (c) => {
      const found = await fileService.list(c.get('ctx'), folderIn(mount, c.req.valid('param')), c.req.valid('query'))
      return c.json(z.array(FileMetadata).parse(found), 200)
    },
  )

  app.openapi(
    operation(
      {
        ...op(`retrieve_${noun}_file`),
        method: 'get',
        path: `${base}/files/{file_id}`,
        request: { params: withFile, query: OneFileQuery },
      },
      { 200: json(FileMetadata, 'The file') },
    ),
    async (c) => {
      const ctx = c.get('ctx')
      const given = c.req.valid('param') as Record<string, string> & { file_id: string }
      const row = await fileService.get(ctx, folderIn(mount, given), given.file_id)
      // Whoever polls a file that a crash left behind has it taken up again.
      const now = Date.now()
      if (isLeft(row, now)) c.executionCtx.waitUntil(summonFor(ctx.env, row.id, now))
      const stored = c.req.valid('query').include_content ? await fileService.text(ctx, row.id) : null
      if (!stored?.object_key) return c.json(FileMetadata.parse(fileOf(row, stored?.text)), 200)
      const { content: _, ...members } = FileMetadata.parse(fileOf(row))
      return c.body(streamed(members, 'content', textOf(ctx.env, stored)), 200, { 'content-type': 'application/json' }) as never
    },
  )

  app.openapi(
    operation(
      {
        ...op(`upload_file_to_${noun}`),
        method: 'post',
        path: `${base}/upload`,
        request: { params, query: UploadQuery, body: uploadForm },
      },
      {
        200: {
          ...json(FileMetadata, 'The file, which waits to be processed. Read it until it is `completed` or `error`.'),
          headers: z.object({ 'x-upload-result': z.literal('skipped').optional().describe('The folder had the file already.') }),
        },
      },
    ),
    async (c) => {
      const ctx = c.get('ctx')
      const folder = await folderService.get(ctx, folderIn(mount, c.req.valid('param')))
      const query = c.req.valid('query')
      const { file: row, outcome } = await createOnce<Uploaded>(
        ctx,
        'file',
        (id) => receiveFile(c.req.raw, 'file', maxFileBytes, (incoming) => uploadFile(ctx, folder.id, id, incoming, query)),
        async (id) => ({ file: await fileService.get(ctx, folder.id, id), outcome: 'made before' }),
      )
      if (row.processing_status === 'pending') await enqueue(ctx.env, [{ file_id: row.id }])
      const state = { ...fileOf(row), file_name: row.file_name }
      return c.json(FileMetadata.parse(state), 200, outcome === 'skipped' ? { 'x-upload-result': outcome } : {})
    },
  )

  app.openapi(
    operation(
      {
        ...op(`retry_${noun}_file`),
        method: 'post',
        path: `${base}/files/{file_id}/retry`,
        request: { params: withFile },
        description: 'Processes a file anew that ended in `error`. A file in another state is answered with 409.',
      },
      { 200: json(FileMetadata, 'The file, which waits to be processed') },
    ),
    async (c) => {
      const given = c.req.valid('param') as Record<string, string> & { file_id: string }
      return c.json(FileMetadata.parse(fileOf(await retryFile(c.get('ctx'), folderIn(mount, given), given.file_id))), 200)
    },
  )

  app.openapi(
    operation(
      { ...op(`delete_file_from_${noun}`), method: 'delete', path: `${base}/{file_id}`, request: { params: withFile } },
      { 204: { description: 'Deleted' } },
    ),
    async (c) => {
      const given = c.req.valid('param') as Record<string, string> & { file_id: string }
      await fileService.remove(c.get('ctx'), folderIn(mount, given), given.file_id)
      return c.body(null, 204)
    },
  )
  return app
}

export const folderFileRoutes = filesOf(mounts.folder)
export const sourceFileRoutes = filesOf(mounts.source)

const agent = z.object({ agent_id: idOf('agent') })
const op = (operationId: string) => ({ tags: ['agents', 'files'], operationId })
const names = (description: string) => json(z.array(z.string()), description)

/** `/v1/agents/{agent_id}/files` */
export const fileAgentRoutes = router()

fileAgentRoutes.openapi(
  operation(
    { ...op('list_agent_files'), method: 'get', path: '/{agent_id}/files', request: { params: agent, query: AgentFileQuery } },
    { 200: json(PaginatedAgentFiles, 'One page of the files of the agent') },
  ),
  async (c) => c.json(await agentFileService.list(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query')), 200),
)

fileAgentRoutes.openapi(
  operation(
    { ...op('close_all_agent_files'), method: 'patch', path: '/{agent_id}/files/close-all', request: { params: agent } },
    { 200: names('Names of the files that were closed') },
  ),
  async (c) => c.json(await agentFileService.closeAll(c.get('ctx'), c.req.valid('param').agent_id), 200),
)

fileAgentRoutes.openapi(
  operation(
    { ...op('open_agent_file'), method: 'patch', path: '/{agent_id}/files/{file_id}/open', request: { params: agent.extend(file.shape) } },
    { 200: names('Names of the files that were closed to make room') },
  ),
  async (c) => {
    const { agent_id, file_id } = c.req.valid('param')
    return c.json(await agentFileService.open(c.get('ctx'), agent_id, file_id), 200)
  },
)

fileAgentRoutes.openapi(
  operation(
    {
      ...op('close_agent_file'),
      method: 'patch',
      path: '/{agent_id}/files/{file_id}/close',
      request: { params: agent.extend(file.shape) },
    },
    { 200: json(z.object({ message: z.string() }), 'Closed') },
  ),
  async (c) => {
    const { agent_id, file_id } = c.req.valid('param')
    await agentFileService.close(c.get('ctx'), agent_id, file_id)
    return c.json({ message: `File id=${file_id} successfully closed` }, 200)
  },
)
