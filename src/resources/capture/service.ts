import type { Ctx } from '../../context'
import { AppError } from '../../lib/errors'
import { capturedTurn } from '../../runtime/capture'
import { agentObject } from '../agents/object'
import { assertAgent } from '../agents/service/exists'
import { assertSize } from '../messages/service/request'
import type { CaptureRequest } from './schema'

/** Stores a turn that a model had with someone else's help in the history and the context of an agent. Answers what was stored, in words. */
export async function capture(ctx: Ctx, agentId: string, request: CaptureRequest): Promise<string> {
  await assertAgent(ctx, agentId)
  const { model, provider, request_messages, response_dict } = request
  const handle = model.includes('/') ? model : `${provider}/${model}`
  const said = capturedTurn(handle, request_messages, response_dict)
  if (said.length === 0)
    throw new AppError(
      'invalid',
      'request_messages: neither they nor response_dict hold any text, image, call or result that could be stored.',
    )
  assertSize(said)
  const stored = await agentObject(ctx, agentId).capture(said)
  return `Captured ${stored} ${stored === 1 ? 'message' : 'messages'}.`
}
