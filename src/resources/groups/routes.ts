import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AgentGroupQuery, Group, GroupCreate, GroupFilters, GroupQuery, GroupUpdate, InternalTemplateGroupCreate } from './schema'
import { groupService } from './service'

const params = z.object({ group_id: idOf('group') })
const op = (operationId: string) => ({ tags: ['groups'], operationId })
const one = { 200: json(Group, 'Group') }

/** `/v1/groups` */
export const groupRoutes = router()

groupRoutes.openapi(
  operation(
    { ...op('list_groups'), method: 'get', path: '/', request: { query: GroupQuery } },
    { 200: json(z.array(Group), 'One page of groups') },
  ),
  async (c) => c.json(await groupService.list(c.get('ctx'), c.req.valid('query')), 200),
)

groupRoutes.openapi(
  operation(
    { ...op('count_groups'), method: 'get', path: '/count', request: { query: GroupFilters } },
    { 200: json(z.int(), 'Number of groups that the filters leave') },
  ),
  async (c) => c.json(await groupService.count(c.get('ctx'), c.req.valid('query')), 200),
)

groupRoutes.openapi(
  operation({ ...op('create_group'), method: 'post', path: '/', request: { body: body(GroupCreate, 'group') } }, one),
  async (c) => c.json(await groupService.create(c.get('ctx'), c.req.valid('json')), 200),
)

groupRoutes.openapi(operation({ ...op('retrieve_group'), method: 'get', path: '/{group_id}', request: { params } }, one), async (c) =>
  c.json(await groupService.get(c.get('ctx'), c.req.valid('param').group_id), 200),
)

groupRoutes.openapi(
  operation(
    { ...op('modify_group'), method: 'patch', path: '/{group_id}', request: { params, body: body(GroupUpdate, 'Fields to change') } },
    one,
  ),
  async (c) => c.json(await groupService.update(c.get('ctx'), c.req.valid('param').group_id, c.req.valid('json')), 200),
)

groupRoutes.openapi(
  operation(
    { ...op('delete_group'), method: 'delete', path: '/{group_id}', request: { params } },
    { 200: json(z.object({ message: z.string() }), 'Deleted') },
  ),
  async (c) => {
    const { group_id } = c.req.valid('param')
    await groupService.remove(c.get('ctx'), group_id)
    return c.json({ message: `Group id=${group_id} successfully deleted` }, 200)
  },
)

/** `/v1/agents`, the groups of an agent. */
export const agentGroupRoutes = router()

agentGroupRoutes.openapi(
  operation(
    {
      tags: ['agents', 'groups'],
      operationId: 'list_groups_for_agent',
      method: 'get',
      path: '/{agent_id}/groups',
      request: { params: z.object({ agent_id: idOf('agent') }), query: AgentGroupQuery },
    },
    { 200: json(z.array(Group), 'Groups that the agent is a member of or leads') },
  ),
  async (c) => c.json(await groupService.ofAgent(c.get('ctx'), c.req.valid('param').agent_id, c.req.valid('query')), 200),
)

/** `/v1/_internal_templates/groups` */
export const templateGroupRoutes = router()

templateGroupRoutes.openapi(
  operation(
    { ...op('create_internal_template_group'), method: 'post', path: '/', request: { body: body(InternalTemplateGroupCreate, 'group') } },
    one,
  ),
  async (c) => c.json(await groupService.create(c.get('ctx'), c.req.valid('json')), 200),
)
