import type { Env } from '../../env'
import { sha256 } from '../../lib/crypto'
import { idPrefixes, uuidFrom } from '../../lib/id'
import type { FoundPassage, PassageQuery } from '../../runtime/ports'
import { pokeIndex } from '../indexes/poke'
import { rememberPassage } from './insert'
import { findPassages } from './search'

/** What an agent stores in its own archive. A repeat with the same key finds the passage there and stores nothing. */
export async function insertOnce(
  env: Env,
  by: { organization_id: string; agent_id: string; user_id: string; key: string },
  passage: { text: string; tags: string[] },
): Promise<void> {
  const id = `${idPrefixes.passage}-${uuidFrom(await sha256(`${by.organization_id}\n${by.agent_id}\n${by.key}`))}`
  await rememberPassage(env, by, by.agent_id, { ...passage, id })
  await pokeIndex(env, by.organization_id)
}

/** What an agent finds in its own archive. Nothing, when it looks for nothing. */
export async function recallPassages(env: Env, { agent_id, ...query }: PassageQuery): Promise<FoundPassage[]> {
  if (query.query.trim() === '') return []
  const found = await findPassages(env, { ...query, mode: 'hybrid', within: { agent_id } })
  return found.flatMap(({ row: { id, text, tags, created_at }, found: places }) =>
    places ? [{ ...places, id, text, tags, created_at }] : [],
  )
}
