import { z } from '@hono/zod-openapi'
import { body, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AgentCreate } from '../agents/input'
import { AgentState } from '../agents/schema'
import { agentService } from '../agents/service'
import { oneBlock, sendBlock } from '../blocks/routes-common'
import { Block, BlockCreate } from '../blocks/schema'
import { blockService } from '../blocks/service'
import { deploymentEntities, removeDeployment } from './deployments'
import { BlocksCreate, DeletedDeployment, DeploymentEntities, DeploymentId, DeploymentQuery } from './schema'

const op = (operationId: string) => ({ tags: ['internal'], operationId })
const ofDeployment = z.object({ deployment_id: DeploymentId })

/** `/v1/_internal_templates`: what is made from a template says so in its own fields, as everywhere. */
export const internalTemplateRoutes = router()

internalTemplateRoutes.openapi(
  operation(
    { ...op('create_internal_template_agent'), method: 'post', path: '/agents', request: { body: body(AgentCreate, 'Agent') } },
    { 200: json(AgentState, 'Agent') },
  ),
  async (c) => c.json(await agentService.create(c.get('ctx'), c.req.valid('json')), 200),
)

internalTemplateRoutes.openapi(
  operation(
    { ...op('create_internal_template_block'), method: 'post', path: '/blocks', request: { body: body(BlockCreate, 'Block') } },
    { 200: oneBlock('The new block') },
  ),
  async (c) => c.json(...sendBlock(await blockService.create(c.get('ctx'), c.req.valid('json')))),
)

internalTemplateRoutes.openapi(
  operation(
    { ...op('create_internal_template_blocks'), method: 'post', path: '/blocks/batch', request: { body: body(BlocksCreate, 'Blocks') } },
    { 200: json(z.array(Block), 'The new blocks, in the order of the request') },
  ),
  async (c) => c.json(z.array(Block).parse(await blockService.createMany(c.get('ctx'), c.req.valid('json'))), 200),
)

internalTemplateRoutes.openapi(
  operation(
    {
      ...op('list_deployment_entities'),
      method: 'get',
      path: '/deployment/{deployment_id}',
      request: { params: ofDeployment, query: DeploymentQuery },
    },
    { 200: json(DeploymentEntities, 'What carries the id of the deployment') },
  ),
  async (c) => {
    const { deployment_id } = c.req.valid('param')
    const entities = await deploymentEntities(c.get('ctx'), deployment_id, c.req.valid('query').entity_types)
    const message = `${entities.length} entities of deployment '${deployment_id}'.`
    return c.json({ entities, total_count: entities.length, deployment_id, message }, 200)
  },
)

internalTemplateRoutes.openapi(
  operation(
    { ...op('delete_deployment'), method: 'delete', path: '/deployment/{deployment_id}', request: { params: ofDeployment } },
    { 200: json(DeletedDeployment, 'What was deleted') },
  ),
  async (c) => {
    const { deployment_id } = c.req.valid('param')
    const { agent, block, group } = await removeDeployment(c.get('ctx'), deployment_id)
    const message = `${agent.length} agents, ${block.length} blocks and ${group.length} groups of deployment '${deployment_id}' deleted.`
    return c.json({ deleted_agents: agent, deleted_blocks: block, deleted_groups: group, message }, 200)
  },
)
