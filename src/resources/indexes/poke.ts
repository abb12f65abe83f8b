import type { Env } from '../../env'

/** Tells the organization's `IndexObject` that there is something to do. A word that is lost costs time only: the sweep says it again. */
export async function pokeIndex(env: Env, organization_id: string): Promise<void> {
  await env.INDEX.get(env.INDEX.idFromName(organization_id))
    .poke(organization_id)
    .catch(() => undefined)
}
