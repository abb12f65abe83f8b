import type { Env } from '../../env'

/**
 * Tells the organization's `IndexObject` that there is something to do; it begins after `afterMs`, so that what comes in until then is embedded
 * together. A word that is lost costs time only: the sweep says it again.
 */
export async function pokeIndex(env: Env, organization_id: string, afterMs = 50): Promise<void> {
  await env.INDEX.get(env.INDEX.idFromName(organization_id))
    .poke(organization_id, afterMs)
    .catch(() => undefined)
}
