import type { Ctx } from '../../../context'
import { agentObject } from '../object'
import { contextOf } from './context'
import { createAgent } from './create'
import { assertAgent } from './exists'
import { agentsOfArchive, agentsOfBlock, agentsOfIdentity, countAgents, getAgent, listAgents } from './read'
import { removeAgent, removeAgents } from './remove'
import { updateAgent } from './update'

export { everything, type Included, includedBy } from './state'

/** Agents: what they are is in D1, what they do is in their objects. */
export const agentService = {
  list: listAgents,
  count: countAgents,
  get: getAgent,
  create: createAgent,
  update: updateAgent,
  remove: removeAgent,
  removeMany: removeAgents,
  exists: assertAgent,
  ofArchive: agentsOfArchive,
  ofBlock: agentsOfBlock,
  ofIdentity: agentsOfIdentity,
  context: contextOf,

  /** The text of the agent's system message, compiled now; stored unless `dry_run`. */
  recompile: (ctx: Ctx, id: string, dry_run: boolean): Promise<string> => agentObject(ctx, id).recompile(null, { dry_run }),
}
