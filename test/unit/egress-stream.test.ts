import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { EgressError } from '../../src/lib/egress'
import { guardedStream, type StreamPolicy } from '../../src/lib/egress-stream'

const servers: Server[] = []
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

const policy = (changes: Partial<StreamPolicy> = {}): StreamPolicy => ({
  allow: ['loopback'],
  production: false,
  maxResponseBytes: 1000,
  ...changes,
})
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof EgressError ? error.reason : String(error)),
  )

describe('a streamed request to an address that a stranger chose', () => {
  it('is read as it comes', async () => {
    let end = () => {}
    const url = await serve((_, response) => {
      response.write('one')
      end = () => response.end('two')
    })
    const reader = (await guardedStream(policy())(url)).body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('one')
    end()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('two')
  })

  it('reaches no private address or name, nor plain http in production', async () => {
    const strict = guardedStream(policy({ allow: [] }))
    expect(await reasonOf(strict('http://127.0.0.1/v1'))).toBe('private_address')
    expect(await reasonOf(strict(new URL('http://169.254.169.254/latest')))).toBe('private_address')
    expect(await reasonOf(strict(new Request('http://db.internal/')))).toBe('private_name')
    expect(await reasonOf(guardedStream(policy({ production: true, allow: [] }))('http://models.example/v1'))).toBe('scheme')
  })

  it('goes through the public transport unless its host is allowed', async () => {
    const sent: string[] = []
    const publicFetch = async (url: string) => {
      sent.push(url)
      return new Response('public')
    }
    expect(await (await guardedStream(policy({ publicFetch }))('https://models.example/v1')).text()).toBe('public')
    const url = await serve((_, response) => response.end('local'))
    expect(await (await guardedStream(policy({ publicFetch }))(url)).text()).toBe('local')
    expect(sent).toEqual(['https://models.example/v1'])
  })

  it('follows no redirect: it fails, or is the answer for a caller that asks for it', async () => {
    const url = await serve((_, response) => response.writeHead(302, { location: 'http://10.0.0.1/' }).end())
    expect(await reasonOf(guardedStream(policy())(url))).toBe('redirect')
    const answer = await guardedStream(policy())(url, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, 'http://10.0.0.1/'])
  })

  it('breaks off when the answer is too long', async () => {
    const url = await serve((_, response) => response.end('x'.repeat(1001)))
    expect(await reasonOf(guardedStream(policy())(url).then((response) => response.text()))).toBe('too_large')
  })

  it('says what could not be reached, and passes the caller’s abort on', async () => {
    expect(await reasonOf(guardedStream(policy())('http://127.0.0.1:1/'))).toBe('unreachable')
    const silent = await serve(() => {})
    const stop = new AbortController()
    const asked = guardedStream(policy())(silent, { signal: stop.signal })
    stop.abort(new Error('enough'))
    expect(await reasonOf(asked)).toBe('Error: enough')
  })
})
