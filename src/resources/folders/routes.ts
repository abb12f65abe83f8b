import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { type App, router } from '../../http/router'
import { AgentState } from '../agents/schema'
import { agentService } from '../agents/service'
import { Passage } from '../passages/schema'
import { agentFolderService } from './attach'
import {
  AgentFolderQuery,
  Folder,
  FolderCreate,
  FolderFilters,
  FolderPageQuery,
  FolderQuery,
  FolderStats,
  FolderUpdate,
  Source,
  StatsQuery,
} from './schema'
import { type FolderRow, folderService } from './service'

/** The two names under which folders are served: the present one, and the one that older clients know. */
export const mounts = {
  folder: { noun: 'folder', id: 'folder_id', name: 'folder_name', deprecated: false },
  source: { noun: 'source', id: 'source_id', name: 'source_name', deprecated: true },
} as const
export type Mount = (typeof mounts)[keyof typeof mounts]

/** The path parameter of a mount, under its name there. */
export const folderParam = ({ id }: Mount) => z.object({ [id]: idOf('source') } as Record<string, ReturnType<typeof idOf>>)

/** Its value in a request. */
export const folderIn = (mount: Mount, params: Record<string, string>): string => params[mount.id] ?? ''

/** `/v1/folders` or `/v1/sources`: folders as such. */
function catalog(mount: Mount): App {
  const { noun, deprecated } = mount
  const shape = noun === 'folder' ? Folder : Source
  const one = (row: FolderRow) => shape.parse(row)
  const op = (operationId: string) => ({ tags: [`${noun}s`], operationId, deprecated })
  const params = folderParam(mount)
  const path = `/{${mount.id}}`
  const answer = { 200: json(shape, 'The folder') }
  const app = router()

  app.openapi(
    operation(
      { ...op(`list_${noun}s`), method: 'get', path: '/', request: { query: FolderQuery } },
      { 200: json(z.array(shape), 'One page of folders') },
    ),
    async (c) => c.json((await folderService.list(c.get('ctx'), c.req.valid('query'))).map(one), 200),
  )
  app.openapi(
    operation({ ...op(`create_${noun}`), method: 'post', path: '/', request: { body: body(FolderCreate, 'Folder') } }, answer),
    async (c) => c.json(one(await folderService.create(c.get('ctx'), c.req.valid('json'))), 200),
  )
  app.openapi(
    operation(
      { ...op(`count_${noun}s`), method: 'get', path: '/count', request: { query: FolderFilters } },
      { 200: json(z.int(), 'How many') },
    ),
    async (c) => c.json(await folderService.count(c.get('ctx'), c.req.valid('query')), 200),
  )
  app.openapi(
    operation(
      { ...op(`retrieve_${noun}s_metadata`), method: 'get', path: '/metadata', request: { query: StatsQuery } },
      { 200: json(FolderStats, 'What the organization has in its folders') },
    ),
    async (c) => {
      const { include_detailed_per_source_metadata = false } = c.req.valid('query')
      return c.json(await folderService.stats(c.get('ctx'), include_detailed_per_source_metadata), 200)
    },
  )
  const name = z.object({
    [mount.name]: z.string().min(1).meta({ description: 'Name of the folder, percent-encoded.', example: 'handbook' }),
  })
  app.openapi(
    operation(
      { ...op(`retrieve_${noun}_id_by_name`), deprecated: true, method: 'get', path: `/name/{${mount.name}}`, request: { params: name } },
      { 200: json(z.string(), 'Id of the folder') },
    ),
    async (c) => c.json(await folderService.idByName(c.get('ctx'), c.req.valid('param')[mount.name] ?? ''), 200),
  )
  app.openapi(operation({ ...op(`retrieve_${noun}`), method: 'get', path, request: { params } }, answer), async (c) =>
    c.json(one(await folderService.get(c.get('ctx'), folderIn(mount, c.req.valid('param')))), 200),
  )
  app.openapi(
    operation(
      { ...op(`modify_${noun}`), method: 'patch', path, request: { params, body: body(FolderUpdate, 'Fields to change') } },
      answer,
    ),
    async (c) => c.json(one(await folderService.update(c.get('ctx'), folderIn(mount, c.req.valid('param')), c.req.valid('json'))), 200),
  )
  app.openapi(
    operation({ ...op(`delete_${noun}`), method: 'delete', path, request: { params } }, { 200: json(z.null(), 'Deleted') }),
    async (c) => {
      await folderService.remove(c.get('ctx'), folderIn(mount, c.req.valid('param')))
      return c.json(null, 200)
    },
  )
  return app
}

/** `/v1/folders/{folder_id}` or `/v1/sources/{source_id}`: what belongs to a folder, but for its files. */
function relations(mount: Mount): App {
  const { noun, deprecated } = mount
  const op = (operationId: string) => ({ tags: [`${noun}s`], operationId, deprecated })
  const params = folderParam(mount)
  const app = router()
  app.openapi(
    operation(
      { ...op(`list_agents_for_${noun}`), method: 'get', path: `/{${mount.id}}/agents`, request: { params, query: FolderPageQuery } },
      { 200: json(z.array(z.string()), 'Ids of the agents that have the folder') },
    ),
    async (c) => c.json(await folderService.agentIds(c.get('ctx'), folderIn(mount, c.req.valid('param')), c.req.valid('query')), 200),
  )
  app.openapi(
    operation(
      { ...op(`list_${noun}_passages`), method: 'get', path: `/{${mount.id}}/passages`, request: { params, query: FolderPageQuery } },
      { 200: json(z.array(Passage), 'One page of the passages of its files') },
    ),
    async (c) => {
      const found = await folderService.passages(c.get('ctx'), folderIn(mount, c.req.valid('param')), c.req.valid('query'))
      return c.json(z.array(Passage).parse(found), 200)
    },
  )
  return app
}

/** `/v1/agents/{agent_id}/folders` or `…/sources`. */
function ofAgent(mount: Mount): App {
  const { noun, deprecated } = mount
  const op = (operationId: string) => ({ tags: ['agents', `${noun}s`], operationId, deprecated })
  const agent = z.object({ agent_id: idOf('agent') })
  const app = router()
  app.openapi(
    operation(
      { ...op(`list_agent_${noun}s`), method: 'get', path: `/{agent_id}/${noun}s`, request: { params: agent, query: AgentFolderQuery } },
      { 200: json(z.array(Source), 'One page of the folders of the agent') },
    ),
    async (c) => {
      const found = await agentFolderService.list(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query'))
      return c.json(z.array(Source).parse(found), 200)
    },
  )
  // The SDK of today discards the answer; clients of sources read the agent in it.
  const answer = noun === 'folder' ? json(z.null(), 'Done') : json(AgentState, 'The agent as it is now')
  for (const verb of ['attach', 'detach'] as const) {
    const params = agent.extend(folderParam(mount).shape)
    app.openapi(
      operation(
        { ...op(`${verb}_agent_${noun}`), method: 'patch', path: `/{agent_id}/${noun}s/${verb}/{${mount.id}}`, request: { params } },
        { 200: answer },
      ),
      async (c) => {
        const given = c.req.valid('param') as Record<string, string> & { agent_id: string }
        const ctx = c.get('ctx')
        await agentFolderService[verb](ctx, given.agent_id, folderIn(mount, given))
        return c.json((noun === 'folder' ? null : await agentService.get(ctx, given.agent_id)) as never, 200)
      },
    )
  }
  return app
}

export const folderRoutes = catalog(mounts.folder)
export const folderRelationRoutes = relations(mounts.folder)
export const agentFolderRoutes = ofAgent(mounts.folder)
export const sourceRoutes = catalog(mounts.source)
export const sourceRelationRoutes = relations(mounts.source)
export const agentSourceRoutes = ofAgent(mounts.source)
