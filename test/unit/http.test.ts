import { describe, expect, it } from 'vitest'
import { createApp } from '../../src/app'

const app = createApp()
const context = { waitUntil: () => undefined, passThroughOnException: () => undefined } as unknown as ExecutionContext
/** A database without a row. */
const DB = { prepare: () => ({ bind: () => ({ raw: async () => [] }) }) }
const local = { ENVIRONMENT: 'local', AUTH: 'open', RATE_LIMIT: 'off', LOG_LEVEL: 'silent', DB }

async function call(path: string, env: Record<string, unknown>) {
  const response = await app.fetch(new Request(`https://loci.test${path}`), env as never, context)
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
}

describe('a deployment', () => {
  it('in production refuses to serve without its secrets, and names them', async () => {
    const env = { ...local, ENVIRONMENT: 'production', AUTH: 'keys', ADMIN_KEY: 'a' }
    expect(await call('/v1/models/', env)).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('ENCRYPTION_KEY, WEBHOOK_SECRET') },
    })
    expect((await call('/v1/health/', env)).status).toBe(200)
  })

  it('limits the rate of an organization by its binding', async () => {
    const keys: string[] = []
    const limiter = (success: boolean) => ({ limit: async ({ key }: { key: string }) => ({ success: success && keys.push(key) > 0 }) })
    const refused = await call('/v1/models/', { ...local, RATE_LIMIT: 'on', RATE_LIMITER: limiter(false) })
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(refused.headers.get('retry-after')).toBe('60')
    expect((await call('/v1/models/', { ...local, RATE_LIMIT: 'on', RATE_LIMITER: limiter(true) })).status).toBe(200)
    expect(new Set(keys)).toEqual(new Set(['org-00000000-0000-4000-8000-000000000000']))
  })

  it('says which variable is wrong', async () => {
    await expect(call('/v1/health', { ...local, AUTH: 'maybe' })).resolves.toMatchObject({ status: 500 })
  })
})

describe('a path', () => {
  it('is served with and without a trailing slash, and under /latest', async () => {
    for (const path of ['/v1/health', '/v1/health/', '/latest/v1/health']) expect((await call(path, local)).status).toBe(200)
  })

  it('that nobody serves is a problem with a detail', async () => {
    expect(await call('/v1/nothing', local)).toMatchObject({
      status: 404,
      body: { code: 'not_found', detail: expect.stringContaining('/v1/nothing') },
    })
  })
})
