import { AppError, type ErrorKind } from '../lib/errors'
import { ModelError } from './model'

const kinds: Record<string, ErrorKind> = {
  llm_timeout: 'llm_timeout',
  llm_rate_limit: 'llm_rate_limit',
  llm_insufficient_credits: 'llm_insufficient_credits',
  llm_authentication: 'llm_authentication',
  llm_bad_request: 'llm_bad_request',
  context_window_exceeded: 'llm_bad_request',
  context_window_overflow_in_system_prompt: 'llm_bad_request',
  internal_error: 'internal',
  pending_approval: 'conflict',
}

/** The kind of problem that a failure of a run, by its type, is for the request that waits for it. */
export const kindOfFailure = (type: string): ErrorKind => kinds[type] ?? 'llm_error'

/** Does `work`; what a model failed with is thrown as an error that the caller may read. A model that its provider does not know is not found. */
export async function modelFailuresAsErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    const { type, message, options } = error
    const detail = options.detail ?? null
    throw new AppError(
      type === 'llm_not_found' ? 'not_found' : kindOfFailure(type),
      detail && detail !== message ? `${message} (${detail})` : message,
      {
        error: { type, message, detail },
      },
    )
  }
}
