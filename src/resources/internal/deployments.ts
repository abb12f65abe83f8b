import type { Ctx } from '../../context'
import { notFound } from '../../lib/errors'
import { agentService } from '../agents/service'
import { removeBlocks } from '../blocks/service'
import { groupService } from '../groups/service'
import { type DeploymentEntity, type EntityType, entityTypes } from './schema'

const shared = 'id, description, entity_id, project_id, created_at'
const of = 'where organization_id = ?1 and deployment_id = ?2 and is_deleted = 0'
const selects: Record<EntityType, string> = {
  agent: `select 'agent' as type, name, ${shared} from agents ${of}`,
  block: `select 'block' as type, label as name, ${shared} from block ${of}`,
  group: `select 'group' as type, null as name, id, description, null as entity_id, project_id, created_at from groups ${of}`,
}

/** What carries the id of a deployment, in the order of creation. Throws 404 when nothing does. */
export async function deploymentEntities(ctx: Ctx, id: string, types?: EntityType[]): Promise<DeploymentEntity[]> {
  const d1 = ctx.env.DB
  const found = await d1.batch<DeploymentEntity & { created_at: number }>(
    entityTypes.map((type) => d1.prepare(selects[type]).bind(ctx.actor.organization_id, id)),
  )
  const all = found.flatMap(({ results }) => results)
  if (all.length === 0) throw notFound('Deployment', id)
  const chosen = types ? all.filter(({ type }) => types.includes(type)) : all
  return chosen.sort((a, b) => a.created_at - b.created_at).map(({ created_at: _, ...entity }) => entity)
}

/**
 * Deletes everything that carries the id of a deployment: its groups first, which keep the agents that lead them. Answers the ids by type.
 * Throws 409 when an agent leads a group that stays; what is left is deleted by another call.
 */
export async function removeDeployment(ctx: Ctx, id: string): Promise<Record<EntityType, string[]>> {
  const entities = await deploymentEntities(ctx, id)
  const idsOf = (wanted: EntityType) => entities.flatMap(({ type, id: entity }) => (type === wanted ? [entity] : []))
  const gone = { agent: idsOf('agent'), block: idsOf('block'), group: idsOf('group') }
  for (const group of gone.group) await groupService.remove(ctx, group)
  if (gone.agent.length > 0) await agentService.removeMany(ctx, gone.agent)
  await ctx.env.DB.batch(removeBlocks(ctx.env.DB, ctx.actor, gone.block))
  return gone
}
