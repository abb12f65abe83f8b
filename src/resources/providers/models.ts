import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../context'
import type { Config, Env } from '../../env'
import { reachOf } from '../../env'
import { guardedStream } from '../../lib/egress-stream'
import { opened } from '../../lib/vault'
import { describeModel, type ModelFacts } from '../../models/describe'
import { ownEmbedding } from '../../models/embeddings'
import { unknownEmbedding } from '../../models/embeddings/describe'
import { chunkSizeOf, knownEmbedding } from '../../models/embeddings/known'
import { embeddingRow, modelRow } from '../../models/list'
import { brandOf, describeOwn, endpointOf, ownModel } from '../../models/own'
import { isBaseHandle, splitHandle, unknownHandle, usableHandles } from '../../models/providers'
import type { EmbeddingModel as EmbeddingPort } from '../../retrieval/ports'
import type { Model } from '../../runtime/model'
import type { EmbeddingModel, Model as ListedModel } from '../models/schema'
import { providerModels, providers } from './table'

/** Bytes of one response of a model that are read. */
const maxResponseBytes = 64 * 1024 * 1024

interface Found {
  id: string
  name: string
  provider_type: string
  base_url: string | null
  api_key_enc: string | null
  window: number | null
  dimensions: number | null
}

const query = `
  select p.id, p.name, p.provider_type, p.base_url, p.api_key_enc, m.max_context_window as window, m.embedding_dim as dimensions
  from providers p left join provider_models m on m.name = ?3 and m.provider_id = p.id and m.model_type = ?4
  where p.name = ?2 and p.organization_id = ?1 and p.is_deleted = 0`

/** The organization's provider that a handle names, with what it said of the model. */
async function find(d1: D1Database, organization_id: string, handle: string, type: 'llm' | 'embedding' = 'llm'): Promise<Found | null> {
  const { prefix, name } = splitHandle(handle)
  return d1.prepare(query).bind(organization_id, prefix, name, type).first<Found>()
}

const providersOf = (organization_id: string) =>
  and(eq(providerModels.organization_id, organization_id), eq(providerModels.enabled, true), eq(providerModels.is_deleted, false))

const stored = (ctx: Ctx, model_type: 'llm' | 'embedding') =>
  ctx.db
    .select({ model: providerModels, provider: providers })
    .from(providerModels)
    .innerJoin(providers, and(eq(providers.id, providerModels.provider_id), eq(providers.is_deleted, false)))
    .where(and(providersOf(ctx.actor.organization_id), eq(providerModels.model_type, model_type)))

const byHandle = (a: { handle: string }, b: { handle: string }) => (a.handle < b.handle ? -1 : 1)

/** The language models of the organization's own providers, sorted by handle. */
export async function ownModels(ctx: Ctx): Promise<ListedModel[]> {
  const rows = await stored(ctx, 'llm')
  return rows
    .map(({ model, provider }) => modelRow(describeOwn(model.handle, provider, model.max_context_window), model.display_name))
    .sort(byHandle)
}

/** The embedding models of the organization's own providers, sorted by handle. */
export async function ownEmbeddings(ctx: Ctx): Promise<EmbeddingModel[]> {
  const rows = await stored(ctx, 'embedding')
  return rows
    .map(({ model, provider }) => {
      const { name, display_name, handle } = model
      const { provider_type, name: provider_name } = provider
      const facts = { handle, provider_type, provider_name, endpoint_type: model.model_endpoint_type, endpoint: endpointOf(provider) }
      return embeddingRow({ name, display_name, dimensions: model.embedding_dim ?? 0, batch_size: 32 }, facts)
    })
    .sort(byHandle)
}

/**
 * Facts about the model of a handle, of the deployment's providers or the organization's own. Throws an AppError: `bad_request` for a
 * malformed handle, `not_found` for an unknown provider, naming the handles that there are.
 */
export async function describeHandle(ctx: Ctx, handle: string): Promise<ModelFacts> {
  if (isBaseHandle(handle)) return describeModel(handle, ctx.config)
  const found = await find(ctx.env.DB, ctx.actor.organization_id, handle)
  if (found) return describeOwn(handle, found, found.window)
  const own = (await ownModels(ctx)).map((model) => model.handle)
  throw unknownHandle(handle, [...usableHandles(ctx.config, ctx.env.AI), ...own])
}

/**
 * The model of a handle of an organization's own provider, to be called with its key: one indexed read, made anew each time, so that a
 * changed key counts at once. `through` is used instead of the guarded network. Throws `not_found` when the organization has no such provider.
 */
export async function callableModel(
  env: Env,
  config: Config,
  organization_id: string,
  handle: string,
  through?: typeof fetch,
): Promise<Model> {
  const found = await find(env.DB, organization_id, handle)
  if (!found) throw unknownHandle(handle, usableHandles(config, env.AI))
  const { window } = found
  return ownModel(handle, await withKey(config, found), { window, ...callOptions(env, config, through) })
}

/** The same for an embedding model. */
export async function callableEmbedding(env: Env, config: Config, organization_id: string, handle: string): Promise<EmbeddingPort> {
  const found = await find(env.DB, organization_id, handle, 'embedding')
  if (!found) throw unknownEmbedding(handle)
  const { dimensions } = found
  return ownEmbedding(handle, await withKey(config, found), { dimensions, ...callOptions(env, config) })
}

/** Letta's `EmbeddingConfig` of a model of the organization's own provider. Throws `not_found` when the organization has no such provider. */
export async function describeOwnEmbedding(d1: D1Database, organization_id: string, handle: string): Promise<Record<string, unknown>> {
  const found = await find(d1, organization_id, handle, 'embedding')
  if (!found) throw unknownEmbedding(handle)
  const { name } = splitHandle(handle)
  return {
    handle,
    embedding_model: name,
    embedding_dim: knownEmbedding(name)?.dimensions ?? found.dimensions,
    embedding_endpoint_type: brandOf(found.provider_type).endpoint_type,
    embedding_endpoint: endpointOf(found),
    embedding_chunk_size: chunkSizeOf(name),
    metric: 'cosine',
  }
}

async function withKey(config: Config, { api_key_enc, window: _, dimensions: _d, ...provider }: Found) {
  const api_key = api_key_enc && (await opened(config.ENCRYPTION_KEY, api_key_enc, `The key of provider '${provider.name}'`))
  return { ...provider, api_key }
}

const callOptions = (env: Env, config: Config, through?: typeof fetch) => ({
  timeoutMs: config.MODEL_TIMEOUT_SECONDS * 1000,
  fetch: through ?? guardedStream({ ...reachOf(config, env.PUBLIC_NETWORK), maxResponseBytes }),
})
