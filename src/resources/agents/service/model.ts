import type { Ctx } from '../../../context'
import { AppError } from '../../../lib/errors'
import type { ModelFacts } from '../../../models/describe'
import { describeHandle } from '../../providers/models'
import type { AgentUpdate } from '../input'

type Json = Record<string, unknown>
type ModelInput = Pick<
  AgentUpdate,
  'model' | 'model_settings' | 'llm_config' | 'context_window_limit' | 'max_tokens' | 'parallel_tool_calls' | 'response_format'
>

/** The model of an agent as it is stored. */
export interface StoredModel {
  model: string
  llm_config: Json
  model_settings: Json | null
  response_format: Json | null
}

/** Letta's `LLMConfig` of a model. */
const configOf = (facts: ModelFacts): Json => ({
  handle: facts.handle,
  model: facts.name,
  display_name: facts.name,
  model_endpoint_type: facts.endpoint_type,
  model_endpoint: facts.endpoint,
  provider_name: facts.provider_name,
  provider_category: facts.provider_category,
  model_wrapper: null,
  context_window: facts.context_window,
  max_tokens: facts.max_output_tokens,
  temperature: 1.0,
  enable_reasoner: facts.reasoning,
  reasoning_effort: null,
  max_reasoning_tokens: 0,
  effort: null,
  verbosity: null,
  frequency_penalty: null,
  put_inner_thoughts_in_kwargs: false,
  parallel_tool_calls: true,
  response_format: null,
  strict: false,
  compatibility_type: null,
  tier: null,
  return_logprobs: false,
  top_logprobs: null,
  return_token_ids: false,
  tool_call_parser: null,
})

/** The handle that an `llm_config` names: as such, or by its parts. */
function handleOf(config: Json | null | undefined): string | null {
  if (!config) return null
  if (typeof config.handle === 'string' && config.handle) return config.handle
  const provider = config.provider_name ?? config.model_endpoint_type
  if (typeof config.model !== 'string' || typeof provider !== 'string')
    throw new AppError(
      'invalid',
      'llm_config: must name a model by `handle`, or by `model` and `model_endpoint_type`. Better send `model`.',
    )
  return `${provider}/${config.model}`
}

const present = (values: Json): Json => Object.fromEntries(Object.entries(values).filter(([, value]) => value != null))

function contextWindow(input: ModelInput, fallback: unknown): number {
  if (input.context_window_limit) return input.context_window_limit
  const sent = input.llm_config?.context_window ?? fallback
  if (typeof sent !== 'number' || !Number.isInteger(sent) || sent < 1)
    throw new AppError('invalid', 'llm_config.context_window: must be a positive integer')
  return sent
}

/** The settings that were sent, the deprecated fields among them; null when there are none. */
function settingsOf(input: ModelInput, before: Json | null): Json | null {
  const settings = {
    ...(input.model_settings ?? before ?? {}),
    ...present({ max_output_tokens: input.max_tokens, parallel_tool_calls: input.parallel_tool_calls }),
  }
  return Object.keys(settings).length > 0 ? settings : null
}

const formatOf = (input: ModelInput): Json | null => {
  const inSettings = input.model_settings?.response_format
  return input.response_format ?? (typeof inSettings === 'object' ? (inSettings as Json | null) : null)
}

/** The model that a new agent asks for, by handle or by `llm_config`; the deployment's default when by neither. */
export async function newModel(ctx: Ctx, input: ModelInput): Promise<StoredModel> {
  const facts = await describeHandle(ctx, input.model ?? handleOf(input.llm_config) ?? ctx.config.DEFAULT_MODEL)
  const base = configOf(facts)
  return {
    model: facts.handle,
    llm_config: {
      ...base,
      ...present(input.llm_config ?? {}),
      handle: facts.handle,
      context_window: contextWindow(input, base.context_window),
    },
    model_settings: settingsOf(input, null),
    response_format: formatOf(input),
  }
}

/**
 * The model of an agent after a change. Another model begins with its own context window, and keeps the settings only when they are of the
 * same provider.
 */
export async function changedModel(ctx: Ctx, before: StoredModel, input: ModelInput): Promise<StoredModel> {
  const handle = input.model ?? handleOf(input.llm_config) ?? before.model
  const response_format = formatOf(input) ?? before.response_format
  if (handle === before.model) {
    const llm_config: Json = { ...before.llm_config, ...present(input.llm_config ?? {}), handle }
    const context_window = contextWindow(input, llm_config.context_window)
    return {
      model: handle,
      llm_config: { ...llm_config, context_window },
      model_settings: settingsOf(input, before.model_settings),
      response_format,
    }
  }
  const provider = (of: string) => of.split('/')[0]
  const kept = provider(handle) === provider(before.model) ? before.model_settings : null
  const after = await newModel(ctx, { ...input, model: handle })
  return { ...after, model_settings: settingsOf(input, kept), response_format }
}
