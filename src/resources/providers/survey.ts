import type { Ctx } from '../../context'
import { insertRows, type Row } from '../../db/rows'
import { reachOf } from '../../env'
import { checkUrl, EgressError, guardedFetch } from '../../lib/egress'
import { AppError } from '../../lib/errors'
import { knownEmbedding } from '../../models/embeddings/known'
import { brandOf, endpointOf, type OwnProvider, surveyable } from '../../models/own'
import { type Surveyed, surveyModels } from '../../models/survey'
import { providerModels } from './table'

type Asked = Pick<OwnProvider, 'provider_type' | 'base_url'>
type ModelRow = Row<typeof providerModels>

// A redirect would take the key along.
const cost = { timeoutMs: 10_000, maxResponseBytes: 8 * 1024 * 1024, maxRedirects: 0 }

const wrong = (field: string, message: string) => new AppError('invalid', `${field}: ${message}`, { errors: [{ field, message }] })

/**
 * Asks a provider for its models, which also shows whether its key is good: null when it does not tell them. Throws an AppError that says
 * what is wrong with the key or the address; an address that may not be reached is a 422.
 */
export async function survey(ctx: Ctx, provider: Asked, api_key: string | null): Promise<Surveyed[] | null> {
  const brand = brandOf(provider.provider_type)
  if (brand.base_url === null && !provider.base_url) throw wrong('base_url', `is required for provider_type '${brand.type}'`)
  if (brand.base_url !== null && !api_key) throw wrong('api_key', `is required for provider_type '${brand.type}'`)
  const policy = { ...reachOf(ctx.config, ctx.env.PUBLIC_NETWORK), ...cost }
  checkUrl(endpointOf(provider), policy, 'base_url')
  try {
    return await surveyModels(surveyable(provider, api_key), (url, headers) => guardedFetch(url, { headers }, policy))
  } catch (error) {
    if (!(error instanceof EgressError)) throw error
    throw new AppError('provider_unreachable', `The provider cannot be used: ${error.message}. Check base_url.`)
  }
}

function modelOf(ctx: Ctx, provider: { id: string; name: string; provider_type: string }, model: Surveyed): Partial<ModelRow>[] {
  const { name, display_name, model_type, context_window } = model
  const embedding = model_type === 'embedding' ? knownEmbedding(name) : null
  // Vectors of unknown length could not be stored.
  if (model_type === 'embedding' && !embedding) return []
  return [
    {
      organization_id: ctx.actor.organization_id,
      provider_id: provider.id,
      handle: `${provider.name}/${name}`,
      display_name,
      name,
      model_type,
      enabled: true,
      model_endpoint_type: brandOf(provider.provider_type).endpoint_type,
      max_context_window: context_window,
      supports_token_streaming: model_type === 'llm',
      supports_tool_calling: null,
      embedding_dim: embedding?.dimensions ?? null,
      created_by_id: ctx.actor.user_id,
      last_updated_by_id: ctx.actor.user_id,
    },
  ]
}

const newer = ['handle', 'display_name', 'max_context_window', 'embedding_dim', 'updated_at', 'last_updated_by_id']

/** Statements that make the stored models of a provider those that it named; none when it does not tell them. */
export function modelStatements(
  ctx: Ctx,
  provider: { id: string; name: string; provider_type: string },
  models: Surveyed[] | null,
): D1PreparedStatement[] {
  if (models === null) return []
  const d1 = ctx.env.DB
  const rows = models.flatMap((model) => modelOf(ctx, provider, model))
  const kept = JSON.stringify(rows.map((row) => `${row.model_type} ${row.name}`))
  const upsert = `on conflict (name, provider_id, model_type) do update set ${newer.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`
  return [
    d1
      .prepare(`delete from provider_models where provider_id = ?1 and model_type || ' ' || name not in (select value from json_each(?2))`)
      .bind(provider.id, kept),
    ...(rows.length > 0 ? [insertRows(d1, providerModels, rows, upsert)] : []),
  ]
}
