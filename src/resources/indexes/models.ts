import { configOf, type Env } from '../../env'
import { defaultEmbedding, embeddingCatalog } from '../../models'
import { isBaseHandle } from '../../models/providers'
import type { EmbeddingCatalog } from '../../retrieval/ports'
import { callableEmbedding } from '../providers/models'
import type { FindModel } from './embed'

const catalogs = new WeakMap<object, EmbeddingCatalog>()

/** Embedding models by handle: the deployment's, and those of an organization's own providers. */
export function findModel(env: Env): FindModel {
  const config = configOf(env)
  let catalog = catalogs.get(env)
  if (!catalog) {
    catalog = embeddingCatalog(config, env.AI)
    catalogs.set(env, catalog)
  }
  const base = catalog
  return async (organization_id, handle) => (isBaseHandle(handle) ? base(handle) : callableEmbedding(env, config, organization_id, handle))
}

/** The model of messages; null when they are searched by words alone. */
export const messageModel = (env: Env): string | null => (configOf(env).EMBED_MESSAGES === 'on' ? (defaultModels(env)[0] ?? null) : null)

/** The model of messages and tools, and of archives and folders that name none; as a list, which is empty without one. */
export function defaultModels(env: Env): string[] {
  const handle = defaultEmbedding(configOf(env), env.AI)
  return handle === null ? [] : [handle]
}
