import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { body, idOf, json, operation } from '../../http/crud'
import { type AppEnv, router } from '../../http/router'
import { AppError } from '../../lib/errors'
import { idPrefixes } from '../../lib/id'
import { enqueue } from '../files/queue'
import { AgentFile, ExportQuery, ExportRequest, Imported, ImportedMessages, ImportForm, ImportHeaders, ImportMessages } from './schema'
import { type ExportOptions, exportAgent } from './service/export'
import { importMessages } from './service/history'
import { importAgents } from './service/import'

const op = (operationId: string) => ({ tags: ['agents'], operationId })
const params = z.object({ agent_id: idOf('agent') })
const file = { 200: json(AgentFile, 'Agent file') }

/** `/v1/agents`, agents as files. */
export const agentFileRoutes = router()

async function exported(c: Context<AppEnv>, agentId: string, options: ExportOptions): Promise<Response> {
  return c.body(await exportAgent(c.get('ctx'), agentId, options), 200, { 'content-type': 'application/json' })
}

agentFileRoutes.openapi(
  operation({ ...op('export_agent'), method: 'get', path: '/{agent_id}/export', request: { params, query: ExportQuery } }, file),
  async (c) => (await exported(c, c.req.valid('param').agent_id, c.req.valid('query'))) as never,
)

agentFileRoutes.openapi(
  operation(
    {
      ...op('export_agent_with_skills'),
      method: 'post',
      path: '/{agent_id}/export',
      request: { params, body: { ...body(ExportRequest, 'What to export'), required: false } },
    },
    file,
  ),
  async (c) => (await exported(c, c.req.valid('param').agent_id, c.req.valid('json'))) as never,
)

/** The text of the form's file. */
async function textOf(given: unknown): Promise<string> {
  const detail = "file: send the agent file as multipart/form-data, in the field 'file'"
  if (typeof given === 'string' && given !== '') return given
  if (given instanceof File) return given.text()
  throw new AppError('invalid', detail, { errors: [{ field: 'file', message: 'is required' }] })
}

agentFileRoutes.openapi(
  operation(
    {
      ...op('import_agent'),
      method: 'post',
      path: '/import',
      request: {
        headers: ImportHeaders,
        body: { required: true, description: 'Agent file', content: { 'multipart/form-data': { schema: ImportForm } } },
      },
    },
    { 200: json(Imported, 'The imported agents') },
  ),
  async (c) => {
    const form = c.req.valid('form')
    const embedding = c.req.valid('header')['x-override-embedding-model']
    const ctx = c.get('ctx')
    const imported = await importAgents(ctx, await textOf(form.file), form, embedding)
    const files = Object.values(imported.ids).filter((id) => id.startsWith(`${idPrefixes.file}-`))
    await enqueue(
      ctx.env,
      files.map((file_id) => ({ file_id })),
    )
    return c.json(imported, 200)
  },
)

agentFileRoutes.openapi(
  operation(
    {
      ...op('import_messages'),
      method: 'post',
      path: '/{agent_id}/messages/import',
      request: { params, body: body(ImportMessages, 'Messages that were said elsewhere') },
    },
    { 200: json(ImportedMessages, 'The ids of the messages') },
  ),
  async (c) => c.json(await importMessages(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('json')), 200),
)
