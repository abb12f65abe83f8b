import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { callAs, freshOrganization } from '../support/client'
import { byName, expectProblem, hosted, operations } from '../support/requests'

const { call } = await freshOrganization()
const at = (path: string) => path.replace(/\{\w+\}/g, 'anything')
const pattern = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`)
const tables = async () =>
  (await bindings.DB.prepare('select (select count(*) from agents) as agents, (select count(*) from messages) as messages').first()) ?? {}

describe('what only the hosted service serves', () => {
  it('is all documented', () => expect(hosted).toHaveLength(98 + 2))

  it.each(byName(hosted))('%s answers 501 in a sentence, after a look at the key, and writes nothing', async (_, { method, path }) => {
    const before = await tables()
    expectProblem(await callAs(null)(method, at(path)), 401)
    for (const body of [undefined, { anything: ['at', 'all'] }]) {
      const answer = await call(method, at(path), method === 'GET' ? undefined : body)
      expectProblem(answer, 501)
      expect(answer.body).toMatchObject({
        code: 'not_implemented',
        detail: expect.stringMatching(/^[A-Z].+ not available on this server.+\.$/),
      })
      expect(answer.headers.get('x-should-retry')).toBe('false')
    }
    expect(await tables()).toEqual(before)
  })

  it('takes no request from an operation that is served here', () => {
    const taken = operations.filter((operation) =>
      hosted.some(
        (other) => other.method === operation.method && (pattern(other.path).test(at(operation.path)) || other.path === operation.path),
      ),
    )
    expect(taken.map(({ id }) => id)).toEqual([])
  })

  it('is told of every path and verb below /v1/git', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      const answer = await call(method, '/v1/git/agent-1/state.git/info/refs?service=git-upload-pack')
      expectProblem(answer, 501)
      expect(answer.body).toMatchObject({ detail: expect.stringContaining('Git-backed memory is not available on this server') })
    }
  })
})
