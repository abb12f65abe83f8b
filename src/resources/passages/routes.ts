import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import {
  AgentPassageQuery,
  AgentPassageSearch,
  ArchivalMemorySearch,
  Passage,
  PassageBatch,
  PassageCreate,
  PassageSearch,
  PassageSearchHit,
  PassageUpdate,
} from './schema'
import { agentPassageService, archivePassageService, searchPassages } from './service'

/** `/v1/passages` */
export const passageRoutes = router()

passageRoutes.openapi(
  operation(
    {
      tags: ['passages'],
      operationId: 'search_passages',
      method: 'post',
      path: '/search',
      request: { body: body(PassageSearch, 'What to look for') },
    },
    { 200: json(z.array(PassageSearchHit), 'Passages, best match first') },
  ),
  async (c) => c.json(await searchPassages(c.get('ctx'), c.req.valid('json')), 200),
)

const ofArchive = z.object({ archive_id: idOf('archive') })
const archiveOp = (operationId: string) => ({ tags: ['archives', 'passages'], operationId })

/** `/v1/archives/{archive_id}/passages` */
export const archivePassageRoutes = router()

archivePassageRoutes.openapi(
  operation(
    {
      ...archiveOp('create_archive_passage'),
      method: 'post',
      path: '/{archive_id}/passages',
      request: { params: ofArchive, body: body(PassageCreate, 'passage') },
    },
    { 200: json(Passage, 'The new passage') },
  ),
  async (c) => {
    const { archive_id } = c.req.valid('param')
    return c.json(await archivePassageService.create(c.get('ctx'), archive_id, c.req.valid('json')), 200)
  },
)

archivePassageRoutes.openapi(
  operation(
    {
      ...archiveOp('create_archive_passages'),
      method: 'post',
      path: '/{archive_id}/passages/batch',
      request: { params: ofArchive, body: body(PassageBatch, 'passages') },
    },
    { 200: json(z.array(Passage), 'The new passages, in the order in which they were sent') },
  ),
  async (c) => {
    const { archive_id } = c.req.valid('param')
    return c.json(await archivePassageService.createMany(c.get('ctx'), archive_id, c.req.valid('json').passages), 200)
  },
)

archivePassageRoutes.openapi(
  operation(
    {
      ...archiveOp('modify_archive_passage'),
      method: 'patch',
      path: '/{archive_id}/passages/{passage_id}',
      request: { params: ofArchive.extend({ passage_id: idOf('passage') }), body: body(PassageUpdate, 'Fields to change') },
    },
    { 200: json(Passage, 'The passage as it is now') },
  ),
  async (c) => {
    const { archive_id, passage_id } = c.req.valid('param')
    return c.json(await archivePassageService.update(c.get('ctx'), archive_id, passage_id, c.req.valid('json')), 200)
  },
)

archivePassageRoutes.openapi(
  operation(
    {
      ...archiveOp('delete_archive_passage'),
      method: 'delete',
      path: '/{archive_id}/passages/{passage_id}',
      request: { params: ofArchive.extend({ passage_id: idOf('passage') }) },
    },
    { 204: { description: 'Deleted' } },
  ),
  async (c) => {
    const { archive_id, passage_id } = c.req.valid('param')
    await archivePassageService.remove(c.get('ctx'), archive_id, passage_id)
    return c.body(null, 204)
  },
)

const ofAgent = z.object({ agent_id: idOf('agent') })
const agentOp = (operationId: string) => ({ tags: ['agents', 'passages'], operationId })
const path = '/{agent_id}/archival-memory'

/** `/v1/agents/{agent_id}/archival-memory` */
export const agentPassageRoutes = router()

agentPassageRoutes.openapi(
  operation(
    { ...agentOp('list_agent_passages'), method: 'get', path, request: { params: ofAgent, query: AgentPassageQuery } },
    { 200: json(z.array(Passage), 'One page of the passages of the agent') },
  ),
  async (c) => c.json(await agentPassageService.list(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query')), 200),
)

agentPassageRoutes.openapi(
  operation(
    {
      ...agentOp('create_agent_passage'),
      method: 'post',
      path,
      request: { params: ofAgent, body: body(PassageCreate, 'passage') },
    },
    { 200: json(z.array(Passage), 'The new passage') },
  ),
  async (c) => c.json([await agentPassageService.create(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('json'))], 200),
)

agentPassageRoutes.openapi(
  operation(
    {
      ...agentOp('search_agent_passages'),
      method: 'get',
      path: `${path}/search`,
      request: { params: ofAgent, query: AgentPassageSearch },
    },
    { 200: json(ArchivalMemorySearch, 'Passages of the agent, best match first') },
  ),
  async (c) => c.json(await agentPassageService.search(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query')), 200),
)

agentPassageRoutes.openapi(
  operation(
    {
      ...agentOp('delete_agent_passage'),
      method: 'delete',
      path: `${path}/{memory_id}`,
      request: { params: ofAgent.extend({ memory_id: idOf('passage') }) },
    },
    { 200: json(z.object({ message: z.string() }), 'Deleted') },
  ),
  async (c) => {
    const { agent_id, memory_id } = c.req.valid('param')
    await agentPassageService.remove(c.get('ctx'), agent_id, memory_id)
    return c.json({ message: `Memory id=${memory_id} successfully deleted` }, 200)
  },
)
