import type { Ctx } from '../../../context'
import { closeBeyondLimit, foldersByIds, type Holder, replaceFolders } from '../../folders/attach'
import { linkIdentities } from '../../identities/links'
import { identityService } from '../../identities/service'
import type { AgentUpdate } from '../input'

/** `delete … where agent_id = ? and <column> not in (…)`: what a replaced set no longer has. */
export const withoutOthers = (d1: D1Database, table: string, column: string, agentId: string, keep: readonly string[]) =>
  d1
    .prepare(`delete from ${table} where agent_id = ?1 and ${column} not in (select value from json_each(?2))`)
    .bind(agentId, JSON.stringify(keep))

/** Checks the ids of a set that a request names, and answers with the statements that make it the agent's: none when it names none. */
type Link = (ctx: Ctx, agentId: string, input: AgentUpdate) => Promise<D1PreparedStatement[]>

const identities: Link = async (ctx, agentId, { identity_ids }) => {
  if (!identity_ids) return []
  await identityService.assertAll(ctx, identity_ids)
  return [
    withoutOthers(ctx.env.DB, 'identities_agents', 'identity_id', agentId, identity_ids),
    ...linkIdentities(ctx, 'agent', identity_ids, [agentId]),
  ]
}

/** What an agent is linked with by ids alone, its blocks and tools aside. */
const links: Link[] = [identities]

/** Statements that make the sets of an agent what a request says. Throws 404 naming the first id that is not there, before anything is written. */
export const linkStatements: Link = async (ctx, agentId, input) =>
  (await Promise.all(links.map((link) => link(ctx, agentId, input)))).flat()

/**
 * Statements that make the folders of an agent those that a request names under either name, and keep its open files within a limit that
 * it sets. `holder` is the agent as the request makes it. Throws 404 naming the first folder that is not there.
 */
export async function folderStatements(ctx: Ctx, holder: Holder, input: AgentUpdate): Promise<D1PreparedStatement[]> {
  const { folder_ids, source_ids, max_files_open } = input
  const limit = max_files_open ? [closeBeyondLimit(ctx.env.DB, holder.id)] : []
  if (!folder_ids && !source_ids) return limit
  const ids = (await foldersByIds(ctx, [...(folder_ids ?? []), ...(source_ids ?? [])])).map((folder) => folder.id)
  return [...(await replaceFolders(ctx, holder, ids)), ...limit]
}
