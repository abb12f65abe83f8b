import { AppError } from '../../src/lib/errors'
import type { Model, ModelRequest } from '../../src/runtime/model'
import { buildRequest } from '../../src/runtime/request'
import type { Submission } from '../../src/runtime/rpc'
import type { AgentConfig } from '../../src/runtime/types'
import { admit } from './admit'
import { journalOf, refreshSystem } from './journal'
import { messages } from './messages'
import { runs } from './runs'
import type { Store } from './store'

/** Thrown to take back what a preview did. */
class TakenBack extends Error {
  constructor(readonly request: ModelRequest | null) {
    super('taken back')
  }
}

/**
 * The first request that a turn would send to its model. The run is accepted, begun and asked for its request in one transaction, as a real
 * one would be, and then taken back, so that nothing of it is stored.
 */
export function preview(
  store: Store,
  config: AgentConfig,
  model: Model,
  user_id: string,
  { conversation_id, request }: Submission,
): ModelRequest {
  if (request.approval)
    throw new AppError('bad_request', 'An answer to calls that wait has no preview: what is sent next depends on what they return.')
  // A message may be previewed after it was sent.
  const unnamed = { ...request, input: request.input.map((message) => ({ ...message, otid: null })) }
  try {
    store.transaction(() => {
      const submission = { conversation_id, request: unnamed, idempotency_key: null }
      const accepted = admit(store, config.id, user_id, submission, Number.POSITIVE_INFINITY)
      if (!messages.system(store, conversation_id)) refreshSystem(store, config.id, conversation_id, config)
      runs.begin(store, accepted, config)
      const journal = journalOf(store, config.id, () => '')
      throw new TakenBack(buildRequest(runs.get(store, config.id, accepted.id), config, model, { journal }))
    })
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error
    if (error.request) return error.request
  }
  throw new AppError('bad_request', 'The system prompt and memory blocks alone fill the context window. Shorten them or raise the window.')
}
