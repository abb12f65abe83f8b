import { AppError } from '../lib/errors'
import type { Model, ModelRequest } from '../runtime/model'
import { scriptedHandle } from './scripted'

/** What a model reaches its provider through. */
export interface Network {
  fetch: typeof fetch
  ai: Ai
}

/**
 * The body that a model's provider would be sent, as the same code makes it that sends it; nothing is sent. `open` makes the model over a
 * network that takes requests and answers none. The built-in model has no provider: its payload is the request as it reads it.
 */
export async function requestPayload(
  handle: string,
  request: ModelRequest,
  open: (network: Network) => Model | Promise<Model>,
): Promise<Record<string, unknown>> {
  if (handle === scriptedHandle) return { model: handle, ...request }
  const caught: Record<string, unknown>[] = []
  const stop = new Error('caught before it was sent')
  const caughtFetch: typeof fetch = async (input, init) => {
    const body = init?.body ?? (input instanceof Request ? await input.text() : null)
    if (typeof body === 'string') caught.push(JSON.parse(body))
    throw stop
  }
  const run = async (model: string, inputs: Record<string, unknown>) => {
    caught.push({ model, ...inputs })
    throw stop
  }
  const model = await open({ fetch: caughtFetch, ai: { run } as unknown as Ai })
  const said = model.stream(request, new AbortController().signal)[Symbol.asyncIterator]()
  const failure = await said.next().then(
    () => null,
    (error: unknown) => error,
  )
  const [payload] = caught
  if (payload) return payload
  if (failure) throw failure
  throw new AppError('bad_request', `The model '${handle}' has no payload to show.`)
}
