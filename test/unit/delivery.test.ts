import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { conclude, lifetimeMs, nextAttempt, retryAfter, type TryResult } from '../../durable-objects/delivery/retry'
import { post, signedHeaders, signersOf } from '../../durable-objects/delivery/send'
import { deliveryName, webhookPolicy } from '../../src/resources/deliveries/service'

const half = () => 0.5
const answer = (status_code: number | null, retry_after_ms: number | null = null): TryResult => ({
  status_code,
  error: status_code !== null && status_code < 300 ? null : 'no',
  response_excerpt: null,
  retry_after_ms,
})

/** The times of all tries of a delivery whose receiver is down for good, in seconds after its creation. */
function schedule(random: () => number, retry_after_ms: number | null = null): number[] {
  const times = [0]
  for (let now: number | null = 0; now !== null; ) {
    now = nextAttempt({ tries: times.length, created_at: 0, now, retry_after_ms, random })
    if (now !== null) times.push(now / 1000)
  }
  return times
}

describe('the schedule of a receiver that is down', () => {
  it('starts within seconds, slows down, and ends after a day with one last try', () => {
    const times = schedule(half)
    expect(times.slice(0, 7)).toEqual([0, 5, 35, 155, 755, 2555, 6155])
    expect(times.at(-1)).toBe(lifetimeMs / 1000)
    expect(times).toHaveLength(11)
  })

  it('varies each wait by at most a fifth and never exceeds a day', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (stream) => {
        const times = schedule(() => stream.next().value as number)
        expect(times[1]).toBeGreaterThanOrEqual(4)
        expect(times[1]).toBeLessThanOrEqual(6)
        expect(times.every((at, n) => n === 0 || at > times[n - 1]!)).toBe(true)
        expect(times.at(-1)).toBe(lifetimeMs / 1000)
        expect(times.length).toBeLessThanOrEqual(13)
      }),
    )
  })

  it('never tries before the receiver wants it', () => {
    const times = schedule(half, 600_000)
    expect(times.slice(0, 6)).toEqual([0, 600, 1200, 1800, 2400, 4200])
  })

  it('still makes the try that fell due while the server was off, then gives up', () => {
    const late = lifetimeMs + 5
    expect(nextAttempt({ tries: 3, created_at: 0, now: late, retry_after_ms: null, random: half })).toBeNull()
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-31T12:00:00Z')
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['86400', 3_600_000],
    ['Sat, 31 Jan 2026 12:01:00 GMT', 60_000],
    ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
    ['Sun, 01 Feb 2026 12:00:00 GMT', 3_600_000],
    ['-5', null],
    ['soon', null],
    ['', null],
    [null, null],
  ])('%j is a wait of %s ms', (header, wait) => {
    expect(retryAfter(header, now)).toBe(wait)
  })
})

describe('what a try makes of its delivery', () => {
  const of = (status: 'pending' | 'delivered' | 'failed', manual: boolean, result: TryResult) =>
    conclude({ status, created_at: 0 }, manual, 1, result, 0, half)

  it('a 2xx delivers it, asked for or not, whatever it was', () => {
    for (const status of ['pending', 'delivered', 'failed'] as const)
      for (const manual of [true, false]) expect(of(status, manual, answer(204))).toEqual({ status: 'delivered', next: null })
  })

  it('a failed automatic try plans the next one, unless the receiver is gone', () => {
    expect(of('pending', false, answer(500))).toEqual({ status: 'pending', next: 5000 })
    expect(of('pending', false, answer(null))).toEqual({ status: 'pending', next: 5000 })
    expect(of('pending', false, answer(429, 60_000))).toEqual({ status: 'pending', next: 60_000 })
    expect(of('pending', false, answer(410))).toEqual({ status: 'failed', next: null })
  })

  it('a failed manual try leaves state and schedule as they are', () => {
    for (const status of ['pending', 'delivered', 'failed'] as const)
      expect(of(status, true, answer(500))).toEqual({ status, next: undefined })
  })
})

describe('the signature', () => {
  const [one, two] = ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', `whsec_${btoa('y'.repeat(40))}`]

  it('is made with every secret while they are rotated, so that a receiver with either accepts it', () => {
    const headers = signedHeaders(`${one}, ${two}`, 'delivery-1', '{"a":"ü"}', Date.now())
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/)
    for (const secret of [one, two]) expect(new Webhook(secret).verify('{"a":"ü"}', headers)).toEqual({ a: 'ü' })
    expect(() => new Webhook(`whsec_${btoa('z'.repeat(24))}`).verify('{"a":"ü"}', headers)).toThrow('No matching signature')
  })

  it('is made anew for each try: the time differs, the id does not', () => {
    const [first, second] = [signedHeaders(one, 'delivery-1', '{}', 1_000_000), signedHeaders(one, 'delivery-1', '{}', 2_000_000)]
    expect([first['webhook-timestamp'], second['webhook-timestamp']]).toEqual(['1000', '2000'])
    expect(first['webhook-id']).toBe(second['webhook-id'])
    expect(first['webhook-signature']).not.toBe(second['webhook-signature'])
  })

  it.each([[undefined], [''], [' , ']])('cannot be made without a secret (%j)', (secret) => {
    expect(() => signersOf(secret)).toThrow('WEBHOOK_SECRET is not set')
  })

  it.each([['secret'], ['whsec_'], ['whsec_c2hvcnQ='], [`whsec_${'!'.repeat(40)}`], [`${one} nonsense`], [`${one}A`]])(
    'is refused with the malformed secret %j, and the error does not repeat it',
    (secret) => {
      const sentence =
        'WEBHOOK_SECRET is malformed, so webhooks cannot be signed: each secret is `whsec_` and 24 to 64 random bytes in base64.'
      expect(() => signersOf(secret)).toThrow(new Error(sentence))
    },
  )

  it('that cannot be made is the result of the try, and nothing is sent', async () => {
    const policy = webhookPolicy({ EGRESS_ALLOW: ['loopback'], ENVIRONMENT: 'local' })
    const result = await post({ id: 'delivery-1', url: 'http://127.0.0.1:1/', body: '{}' }, undefined, policy, Date.now)
    expect(result).toMatchObject({ status_code: null, error: expect.stringContaining('WEBHOOK_SECRET is not set') })
  })
})

describe('the object of an endpoint', () => {
  it('is one for an organization, origin and path, whatever the query', async () => {
    const name = await deliveryName('org-1', 'https://example.com/hook?a=1')
    expect(await deliveryName('org-1', 'https://EXAMPLE.com:443/hook?b=2#c')).toBe(name)
    for (const [org, url] of [
      ['org-2', 'https://example.com/hook'],
      ['org-1', 'https://example.com/other'],
      ['org-1', 'http://example.com/hook'],
    ] as const)
      expect(await deliveryName(org, url)).not.toBe(name)
  })
})
