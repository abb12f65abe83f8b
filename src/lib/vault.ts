import { open, seal } from './crypto'
import { AppError, messageOf } from './errors'

const missing = 'Secrets cannot be stored: set ENCRYPTION_KEY, with which they are encrypted.'

/** Seals a secret for storage with the deployment's `ENCRYPTION_KEY`. Throws `unavailable` when none is set. */
export function sealed(key: string | undefined, secret: string): Promise<string> {
  if (!key) throw new AppError('unavailable', missing)
  return seal(key, secret)
}

/** Opens a stored secret. `what` names it in the `bad_request` that says why it cannot be read, and that it must be stored again. */
export async function opened(key: string | undefined, stored: string, what: string): Promise<string> {
  try {
    return await open(key ?? '', stored)
  } catch (error) {
    throw new AppError('bad_request', `${what} cannot be read: ${messageOf(error)}. Store it again.`)
  }
}
