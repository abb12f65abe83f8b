import type { Ctx } from '../../context'
import { modelCatalog } from '../../models'
import { type Network, requestPayload } from '../../models/payload'
import { isBaseHandle } from '../../models/providers'
import { completeText, looseMessage, textRequest } from '../../runtime/complete'
import type { Model, ModelRequest } from '../../runtime/model'
import { loadAgentConfig } from '../agents/config'
import { agentObject } from '../agents/object'
import type { Context } from '../conversations/service'
import type { SendRequest } from '../messages/schema'
import { turnRequest } from '../messages/service/request'
import { callableModel, describeHandle } from '../providers/models'
import type { GenerateRequest, GenerateResponse } from './schema'

const formatOf = (schema: Record<string, unknown>) => ({ type: 'json_schema', json_schema: { name: 'response', schema } })

/** A model of the deployment or of the organization's own providers, which it reaches through `network`, when given. */
function modelOf({ config, env, actor }: Ctx, handle: string, network?: Network): Model | Promise<Model> {
  if (!isBaseHandle(handle)) return callableModel(env, config, actor.organization_id, handle, network?.fetch)
  return network ? modelCatalog(config, env.AI && network.ai, { fetch: network.fetch })(handle) : modelCatalog(config, env.AI)(handle)
}

/** One answer of the agent's model, or another, to a prompt. The agent's memory and history have no part in it, and nothing is stored. */
export async function generate(ctx: Ctx, agent_id: string, input: GenerateRequest): Promise<GenerateResponse> {
  const { organization_id } = ctx.actor
  const config = await loadAgentConfig(ctx.env.DB, { organization_id, agent_id, conversation_id: null })
  const model = await modelOf(ctx, input.override_model || config.model)
  const settings = input.override_model ? {} : (config.model_settings ?? {})
  const asked: ModelRequest = {
    ...textRequest(input.system_prompt ?? '', [looseMessage(input.prompt)], settings),
    response_format: input.response_schema ? formatOf(input.response_schema) : null,
  }
  const { text, usage } = await completeText(model, asked, new AbortController().signal)
  return {
    content: text,
    model: model.handle,
    usage: { message_type: 'usage_statistics', ...usage, step_count: 1, run_ids: null, context_tokens: null },
  }
}

/** The body that the provider of the agent's model would be sent first if this request were made. Nothing is sent or stored. */
export async function previewPayload(
  ctx: Ctx,
  { agent_id, conversation_id }: Context,
  request: SendRequest,
): Promise<Record<string, unknown>> {
  const mode = { streaming: false, background: false, run_type: 'preview' }
  const turn = turnRequest(ctx, request, mode)
  if (turn.override_model) await describeHandle(ctx, turn.override_model)
  const submission = { conversation_id, idempotency_key: null, request: turn }
  const { handle, request: built } = await agentObject(ctx, agent_id).preview(submission)
  return requestPayload(handle, built, (network) => modelOf(ctx, handle, network))
}
