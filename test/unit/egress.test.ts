import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { checkUrl, EgressError, type EgressPolicy, guardedFetch } from '../../src/lib/egress'
import { AppError } from '../../src/lib/errors'

const policy = (changes: Partial<EgressPolicy> = {}): EgressPolicy => ({
  allow: [],
  production: false,
  timeoutMs: 2000,
  maxResponseBytes: 1000,
  maxRedirects: 3,
  ...changes,
})

const servers: Server[] = []
async function receiver(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
afterEach(() => {
  vi.restoreAllMocks()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** The reason a request is refused or failed for. */
const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => expect.fail('the request succeeded'),
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(EgressError)
  return error as EgressError
}
const admitted = (url: string, changes: Partial<EgressPolicy> = {}) => {
  try {
    checkUrl(url, policy(changes))
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(AppError)
    return false
  }
}

describe('addresses', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['2130706433', 'loopback in decimal'],
    ['0177.0.0.1', 'loopback in octal'],
    ['0x7f.1', 'loopback in short hexadecimal'],
    ['127.0.0.1.', 'loopback with a root dot'],
    ['１２７.0.0.1', 'loopback in full-width digits'],
    ['0.0.0.0', 'unspecified'],
    ['10.1.2.3', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['169.254.169.254', 'link-local, cloud metadata'],
    ['192.0.2.1', 'documentation'],
    ['198.18.0.1', 'benchmarking'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['[::1]', 'loopback'],
    ['[::]', 'unspecified'],
    ['[::ffff:8.8.8.8]', 'IPv4-mapped'],
    ['[::ffff:7f00:1]', 'IPv4-mapped loopback'],
    ['[::127.0.0.1]', 'IPv4-compatible'],
    ['[64:ff9b::808:808]', 'NAT64'],
    ['[64:ff9b:1::1]', 'local NAT64'],
    ['[2002:7f00:1::1]', '6to4'],
    ['[2001::1]', 'Teredo'],
    ['[2001:db8::1]', 'documentation'],
    ['[3fff::1]', 'documentation'],
    ['[fc00::1]', 'unique local'],
    ['[fd12:3456::1]', 'unique local'],
    ['[fe80::1]', 'link-local'],
    ['[fec0::1]', 'site-local'],
    ['[ff02::1]', 'multicast'],
    ['[100::1]', 'discard'],
    ['[4000::1]', 'not allocated'],
  ])('refuses %s (%s)', (host) => {
    expect(admitted(`https://${host}/hook`)).toBe(false)
  })

  it.each([['8.8.8.8'], ['1.1.1.1:8443'], ['[2606:4700:4700::1111]'], ['hooks.example.com'], ['xn--bcher-kva.example']])(
    'admits %s',
    (host) => {
      expect(admitted(`https://${host}/hook`)).toBe(true)
    },
  )

  it('refuses every private address in every spelling of its 32 bits', () => {
    const blocks = fc.constantFrom(
      [0x0a000000, 24],
      [0x7f000000, 24],
      [0xac100000, 20],
      [0xc0a80000, 16],
      [0xa9fe0000, 16],
      [0x64400000, 22],
    )
    const octet = (n: number, radix: number) => (radix === 16 ? `0x${n.toString(16)}` : radix === 8 ? `0${n.toString(8)}` : `${n}`)
    fc.assert(
      fc.property(blocks, fc.nat(), fc.constantFrom(8, 10, 16), fc.constantFrom(1, 2, 3, 4), ([base, bits], low, radix, parts) => {
        const value = (base! + (low % 2 ** bits!)) >>> 0
        const head = [24, 16, 8].slice(0, parts - 1).map((shift) => octet((value >>> shift) & 255, radix))
        const tail = parts === 1 ? value : value % 2 ** (8 * (5 - parts))
        return !admitted(`https://${[...head, octet(tail, radix)].join('.')}/`)
      }),
    )
  })
})

describe('names and URLs', () => {
  it.each([
    ['localhost'],
    ['LOCALHOST.'],
    ['api.localhost'],
    ['printer.local'],
    ['metadata.google.internal'],
    ['nas.home.arpa'],
    ['intranet'],
  ])('refuses the private name %s', (host) => {
    expect(admitted(`https://${host}/hook`)).toBe(false)
  })

  it.each([
    ['ftp://example.com/'],
    ['file:///etc/passwd'],
    ['data:text/plain,hi'],
    ['/hook'],
    [''],
    ['https://user:pw@example.com/'],
    ['https://@'],
  ])('refuses %s', (url) => {
    expect(admitted(url)).toBe(false)
  })

  it('asks for https in production, except for hosts the operator names', () => {
    expect(admitted('http://example.com/')).toBe(true)
    expect(admitted('http://example.com/', { production: true })).toBe(false)
    expect(admitted('https://example.com/', { production: true })).toBe(true)
    expect(admitted('http://example.com/', { production: true, allow: ['Example.com'] })).toBe(true)
  })

  it('names the field, the host and the way out in the error of a request', () => {
    expect(() => checkUrl('http://10.0.0.8/hook', policy())).toThrowError(
      expect.objectContaining({
        kind: 'invalid',
        message: expect.stringMatching(/^callback_url: '10\.0\.0\.8' is refused: .*private.*EGRESS_ALLOW/),
        extra: { errors: [{ field: 'callback_url', message: expect.stringContaining('10.0.0.8') }] },
      }),
    )
  })
})

describe('EGRESS_ALLOW', () => {
  it('`loopback` names this machine in every spelling and nothing else', () => {
    const allow = ['loopback']
    for (const host of ['127.0.0.1', '127.9.9.9', '[::1]', '[::ffff:127.0.0.1]', 'localhost', 'app.localhost']) {
      expect(admitted(`http://${host}:9/`, { allow, production: true }), host).toBe(true)
    }
    for (const host of ['10.0.0.1', '0.0.0.0', '[::]', 'printer.local', 'localhost.internal']) {
      expect(admitted(`http://${host}:9/`, { allow }), host).toBe(false)
    }
  })

  it('takes addresses, ranges and names', () => {
    const allow = ['10.1.0.0/16', '192.168.7.7', 'fd00::/8', '[fe80::5]', 'hooks.internal', 'not a range/99']
    for (const host of ['10.1.255.1', '192.168.7.7', '[fd00::1]', '[fe80::5]', 'hooks.internal', 'HOOKS.internal.'])
      expect(admitted(`https://${host}/`, { allow }), host).toBe(true)
    for (const host of ['10.2.0.1', '192.168.7.8', '[fe80::6]', 'other.internal', 'x.hooks.internal'])
      expect(admitted(`https://${host}/`, { allow }), host).toBe(false)
  })

  it('sends to named hosts directly and to all others through the transport for public addresses', async () => {
    const direct = vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('direct'))
    const publicFetch = async () => new Response('public')
    const both = policy({ allow: ['hooks.internal'], publicFetch })
    expect((await guardedFetch('https://hooks.internal/', {}, both)).body).toBe('direct')
    expect((await guardedFetch('https://example.com/', {}, both)).body).toBe('public')
    expect(direct).toHaveBeenCalledTimes(1)
  })
})

describe('guardedFetch', () => {
  const open = (changes: Partial<EgressPolicy> = {}) => policy({ allow: ['127.0.0.1'], ...changes })

  it('sends method, headers and body, and returns status, headers and body', async () => {
    const url = await receiver((req, res) => {
      let sent = ''
      req
        .on('data', (chunk) => (sent += chunk))
        .on('end', () => res.writeHead(202, { 'x-seen': `${req.headers['x-mine']}` }).end(`${req.method} ${sent}`))
    })
    const response = await guardedFetch(url, { method: 'POST', headers: { 'x-mine': 'yes' }, body: 'größe' }, open())
    expect(response).toMatchObject({ status: 202, body: 'POST größe', truncated: false })
    expect(response.headers.get('x-seen')).toBe('yes')
  })

  it('reads no more of the answer than the limit', async () => {
    const url = await receiver((_, res) => {
      const pump = setInterval(() => res.write('x'.repeat(300)), 1)
      res.on('close', () => clearInterval(pump))
    })
    expect(await guardedFetch(url, {}, open())).toMatchObject({ body: 'x'.repeat(1000), truncated: true })
  })

  it('says that an answer of exactly the limit is whole', async () => {
    const url = await receiver((_, res) => res.end('x'.repeat(1000)))
    expect(await guardedFetch(url, {}, open())).toMatchObject({ body: 'x'.repeat(1000), truncated: false })
  })

  it.each([
    ['never answers', () => undefined],
    ['never ends its answer', (_: unknown, res: { write(text: string): void }) => res.write('half')],
  ])('gives up on a receiver that %s', async (_, listener) => {
    const url = await receiver(listener as RequestListener)
    expect(await refusal(guardedFetch(url, {}, open({ timeoutMs: 50 })))).toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('0.05 s'),
    })
  })

  it('gives up on a transport that ignores the signal', async () => {
    vi.spyOn(globalThis, 'fetch').mockImplementation(() => new Promise(() => undefined))
    expect((await refusal(guardedFetch('https://example.com/', {}, policy({ timeoutMs: 20 })))).reason).toBe('timeout')
  })

  it("rejects with the caller's reason when the caller aborts", async () => {
    const url = await receiver(() => undefined)
    const stop = new AbortController()
    const pending = guardedFetch(url, { signal: stop.signal }, open())
    stop.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
  })

  it('names the origin that could not be reached', async () => {
    const error = await refusal(guardedFetch('http://127.0.0.1:1/secret?token=1', {}, open()))
    expect(error).toMatchObject({ reason: 'unreachable', message: expect.stringContaining("'http://127.0.0.1:1' could not be reached") })
    expect(error.message).not.toContain('token')
  })

  it('reports an answer whose connection breaks', async () => {
    const url = await receiver((_, res) => {
      res.writeHead(200, { 'content-length': '100' })
      res.write('half')
      setTimeout(() => res.destroy(), 10)
    })
    expect(await refusal(guardedFetch(url, {}, open()))).toMatchObject({ reason: 'unreachable', status: 200 })
  })

  it.each([[307], [308]])('repeats method and body after a %i', async (status) => {
    const url = await receiver((req, res) => {
      if (req.url === '/') return res.writeHead(status, { location: '/there' }).end()
      let sent = ''
      return req.on('data', (chunk) => (sent += chunk)).on('end', () => res.end(`${req.method} ${sent}`))
    })
    expect(await guardedFetch(url, { method: 'POST', body: 'b' }, open())).toMatchObject({ body: 'POST b', url: `${url}/there` })
  })

  it.each([[301], [302], [303]])('does not turn a POST into a GET after a %i, and says so', async (status) => {
    const seen: string[] = []
    const url = await receiver((req, res) => {
      seen.push(`${req.method} ${req.url}`)
      res.writeHead(status, { location: '/there' }).end()
    })
    const error = await refusal(guardedFetch(url, { method: 'POST', body: 'b' }, open()))
    expect(error).toMatchObject({ reason: 'redirect', status, message: expect.stringContaining('only 307 and 308') })
    expect(seen).toEqual(['POST /'])
  })

  it('follows a 302 of a GET', async () => {
    const url = await receiver((req, res) => (req.url === '/' ? res.writeHead(302, { location: '/there' }).end() : res.end('there')))
    expect((await guardedFetch(url, {}, open())).body).toBe('there')
  })

  it.each([['http://10.0.0.1/'], ['http://[::1]:9/'], ['//localhost/x'], ['http://2130706434/'], ['gopher://example.com/']])(
    'checks where a redirect leads: %s',
    async (location) => {
      const url = await receiver((_, res) => res.writeHead(307, { location }).end())
      const error = await refusal(guardedFetch(url, { method: 'POST', body: 'b' }, open()))
      expect(error.status).toBe(307)
      expect(error.message).toContain('the redirect (307) is not followed')
    },
  )

  it('stops after the allowed number of redirects', async () => {
    let hits = 0
    const url = await receiver((_, res) => {
      hits++
      res.writeHead(307, { location: '/' }).end()
    })
    expect((await refusal(guardedFetch(url, {}, open()))).reason).toBe('too_many_redirects')
    expect(hits).toBe(4)
  })

  it('keeps credentials from another origin', async () => {
    const other = await receiver((req, res) => res.end(`${req.headers.authorization} ${req.headers['x-other']}`))
    const url = await receiver((_, res) => res.writeHead(307, { location: other }).end())
    const headers = { Authorization: 'Bearer k', 'x-other': 'kept' }
    expect((await guardedFetch(url, { headers }, open())).body).toBe('undefined kept')
  })

  it('sends nothing to an address that is refused', async () => {
    const sent = vi.spyOn(globalThis, 'fetch')
    expect((await refusal(guardedFetch('http://169.254.169.254/latest/meta-data', {}, policy()))).reason).toBe('private_address')
    expect(sent).not.toHaveBeenCalled()
  })
})
