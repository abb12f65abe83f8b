import { Webhook } from 'standardwebhooks'
import { version } from '../../package.json'
import { EgressError, type EgressPolicy, guardedFetch } from '../../src/lib/egress'
import { messageOf } from '../../src/lib/errors'
import type { Millis } from '../../src/lib/time'
import { retryAfter, type TryResult } from './retry'

/** Characters of a receiver's answer that the log keeps. */
const excerptLength = 1000

/**
 * The signers of `WEBHOOK_SECRET`: one `whsec_…` secret, or several separated by spaces or commas while secrets are rotated.
 * Throws a sentence that says what to set when there is none or one is malformed.
 */
export function signersOf(secrets: string | undefined): Webhook[] {
  const list = (secrets ?? '').split(/[\s,]+/).filter(Boolean)
  if (list.length === 0) throw new Error('WEBHOOK_SECRET is not set, so webhooks cannot be signed. Set it and redeliver.')
  return list.map((secret) => {
    // Four digits carry three bytes: 32 of them are the 24 bytes that a secret has at least.
    if (!/^whsec_(?=[^=]{32})(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(secret))
      throw new Error(
        'WEBHOOK_SECRET is malformed, so webhooks cannot be signed: each secret is `whsec_` and 24 to 64 random bytes in base64.',
      )
    return new Webhook(secret)
  })
}

/** The Standard Webhooks headers of one try, with one signature a secret. The id is the delivery's, the same on every try. */
export const signedHeaders = (secrets: string | undefined, id: string, body: string, now: Millis): Record<string, string> => ({
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(now / 1000)),
  'webhook-signature': signersOf(secrets)
    .map((signer) => signer.sign(id, new Date(now), body))
    .join(' '),
})

/** Makes one try and says what it came to. Never throws: whatever goes wrong is the result. */
export async function post(
  delivery: { id: string; url: string; body: string },
  secrets: string | undefined,
  policy: EgressPolicy,
  now: () => Millis,
): Promise<TryResult> {
  try {
    const headers = {
      'content-type': 'application/json',
      'user-agent': `Loci-Webhooks/${version}`,
      ...signedHeaders(secrets, delivery.id, delivery.body, now()),
    }
    const { status, headers: answer, body } = await guardedFetch(delivery.url, { method: 'POST', headers, body: delivery.body }, policy)
    return {
      status_code: status,
      error: status >= 200 && status < 300 ? null : `the receiver answered ${status}`,
      response_excerpt: body.replaceAll('\0', '').slice(0, excerptLength) || null,
      retry_after_ms: retryAfter(answer.get('retry-after'), now()),
    }
  } catch (error) {
    const status_code = error instanceof EgressError ? (error.status ?? null) : null
    return { status_code, error: messageOf(error).slice(0, excerptLength), response_excerpt: null, retry_after_ms: null }
  }
}
