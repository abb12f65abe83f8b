import { admit, EgressError, type EgressPolicy, unreachable } from './egress'

/** What a streamed request may reach. How long it may take is for the caller's signal to say. */
export type StreamPolicy = Pick<EgressPolicy, 'allow' | 'production' | 'maxResponseBytes' | 'publicFetch'>

/** The stream, broken off with an EgressError when it is longer than `limit` bytes. */
function bounded(body: ReadableStream<Uint8Array>, limit: number, origin: string): ReadableStream<Uint8Array> {
  let size = 0
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.byteLength
      if (size > limit) controller.error(new EgressError('too_large', `'${origin}' answered more than ${limit} bytes`))
      else controller.enqueue(chunk)
    },
  })
  return body.pipeThrough(count)
}

/**
 * `fetch` for addresses that a stranger chose, as `guardedFetch`, but the answer is read as it comes. A redirect is not followed: it is an
 * EgressError, or the answer itself for a caller that asks for `redirect: 'manual'` and sends the next request through here too.
 */
export function guardedStream(policy: StreamPolicy): typeof fetch {
  return async (input, init) => {
    const { url, allowed } = admit(input instanceof Request ? input.url : String(input), policy)
    const send = (!allowed && policy.publicFetch) || fetch
    const response = await send(url.href, { ...(init as RequestInit), redirect: 'manual' }).catch((error) => {
      throw init?.signal?.aborted ? error : unreachable(url, error)
    })
    const { status, statusText, headers } = response
    if (status >= 300 && status < 400 && status !== 304 && init?.redirect !== 'manual') {
      response.body?.cancel().catch(() => undefined)
      throw new EgressError('redirect', `'${url.origin}' answered a redirect (${status}), which is not followed`, status)
    }
    if (!response.body) return response
    return new Response(bounded(response.body, policy.maxResponseBytes, url.origin), { status, statusText, headers })
  }
}
