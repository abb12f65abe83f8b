import type { Config } from '../env'
import { AppError } from '../lib/errors'
import type { ModelRequest } from '../runtime/model'
import { modelCatalog } from '.'
import { scriptedHandle } from './scripted'

/**
 * The body that a model's provider would be sent, as the same code makes it that sends it; nothing is sent. The built-in model has no
 * provider: its payload is the request as it reads it. Throws as the model catalog does.
 */
export async function requestPayload(
  config: Config,
  ai: Ai | undefined,
  handle: string,
  request: ModelRequest,
): Promise<Record<string, unknown>> {
  if (handle === scriptedHandle) return { model: handle, ...request }
  const caught: Record<string, unknown>[] = []
  const stop = new Error('caught before it was sent')
  const caughtFetch: typeof fetch = async (input, init) => {
    const body = init?.body ?? (input instanceof Request ? await input.text() : null)
    if (typeof body === 'string') caught.push(JSON.parse(body))
    throw stop
  }
  const caughtAi = {
    run: async (model: string, inputs: Record<string, unknown>) => {
      caught.push({ model, ...inputs })
      throw stop
    },
  }
  const model = modelCatalog(config, ai && (caughtAi as unknown as Ai), { fetch: caughtFetch })(handle)
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
