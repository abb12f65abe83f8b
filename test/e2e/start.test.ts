import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { root } from '../../src/local/bootstrap.mjs'
import { type RunningServer, startServer } from '../support/server'

const folders: string[] = []
const servers: RunningServer[] = []
const newState = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'loci-start-'))
  folders.push(folder)
  return folder
}
const start = async (...args: Parameters<typeof startServer>): Promise<RunningServer> => {
  const server = await startServer(...args)
  servers.push(server)
  return server
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill9()))
})
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const post = async (url: string, body: unknown) => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status}: ${text}`)
  return JSON.parse(text)
}
const get = async <T = Record<string, unknown>>(url: string) => (await (await fetch(url)).json()) as T
const createAgent = (url: string) => post(`${url}/v1/agents/`, { name: 'start', model: 'loci/scripted' })
const runtimeOf = (state: string): number => JSON.parse(readFileSync(path.join(state, 'server.json'), 'utf8')).runtime
const parentOf = (pid: number): number => Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }))
const runs = (pid: number): boolean => {
  try {
    return !/^Z/.test(execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim())
  } catch {
    return false
  }
}
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const started = performance.now(); !(await holds()); await delay(50)) {
    if (performance.now() - started > 10_000) throw new Error('not within 10 s')
  }
}
const refused = (args: string[], env: Record<string, string> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/local/start.mjs', '--vars', '/dev/null', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  })
  return { status, stdout, lines: stderr.trim().split('\n') }
}

describe('npm start', () => {
  it('keeps what it has across kill -9 and serves it again at the same address', async () => {
    const server = await start({ state: newState() })
    const { url } = server
    const agent = await createAgent(url)
    await server.kill9()
    await expect(fetch(url)).rejects.toThrow()
    await server.restart()
    expect(server.url).toBe(url)
    expect(await get(`${url}/v1/agents/${agent.id}`)).toMatchObject({ id: agent.id, name: 'start' })
  })

  it('goes on after kill -9 with the work that was due, before anybody asks', async () => {
    const server = await start({ state: newState() })
    const agent = await createAgent(server.url)
    const receiver = createHttpServer((request, response) => request.resume().on('end', () => response.end())).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const called = once(receiver, 'request', { signal: AbortSignal.timeout(60_000) })
    const callback_url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    const input = '/wait 1s\n/say done'
    const run = await post(`${server.url}/v1/agents/${agent.id}/messages/async`, { input, callback_url })
    await delay(200)
    await server.restart()
    await called
    receiver.close()
    expect(await get(`${server.url}/v1/runs/${run.id}`)).toMatchObject({ status: 'completed' })
  })

  it('starts workerd again at the same address when only workerd dies', async () => {
    const server = await start({ state: newState() })
    const agent = await createAgent(server.url)
    process.kill(runtimeOf(server.state), 'SIGKILL')
    await until(async () => {
      try {
        return (await get(`${server.url}/v1/agents/${agent.id}`)).id === agent.id
      } catch {
        return false
      }
    })
  })

  it('leaves no workerd behind, whichever of its processes is killed, and gives the state free', async () => {
    const state = newState()
    for (const victim of ['supervisor', 'server', 'both']) {
      const server = await start({ state })
      const workerd = runtimeOf(state)
      const main = parentOf(workerd)
      expect(parentOf(main)).toBe(server.pid)
      if (victim !== 'server') process.kill(server.pid, 'SIGKILL')
      if (victim !== 'supervisor') process.kill(main, 'SIGKILL')
      // With both gone nobody is left to end workerd but the next start.
      if (victim !== 'both') await until(() => !runs(workerd))
      const next = await startServer({ state })
      expect(runs(workerd), `workerd after the ${victim} was killed`).toBe(false)
      expect(await next.stop()).toBe(0)
    }
  })

  it('says which models it has', async () => {
    const { logs } = await start({ state: newState(), env: { DEFAULT_EMBEDDING: '' } })
    expect(logs).toMatch(/^ {2}Models +loci\/scripted/m)
    expect(logs).toMatch(/^ {2}Embedding loci\/use-lite$/m)
  })

  it('ends with 0 on Ctrl-C and says so', async () => {
    const server = await start({ state: newState() })
    expect(await server.stop()).toBe(0)
    expect(server.logs).toMatch(/^Loci has stopped/m)
  })

  it('makes the secrets once and never prints them', async () => {
    const server = await start({ state: newState() })
    const secrets = readFileSync(path.join(server.state, 'secrets.json'), 'utf8')
    await server.restart()
    expect(readFileSync(path.join(server.state, 'secrets.json'), 'utf8')).toBe(secrets)
    expect(server.logs).toContain('secrets.json')
    for (const secret of Object.values<string>(JSON.parse(secrets))) expect(server.logs).not.toContain(secret)
  })

  it('refuses a state folder that another server uses, naming both', async () => {
    const server = await start({ state: newState() })
    const { status, lines } = refused(['--port', '0', '--state', server.state])
    expect(status).toBe(1)
    expect(lines).toEqual([expect.stringContaining(server.state)])
    expect(lines[0]).toContain(server.url)
  })

  it('refuses a port in use in one line', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { status, lines } = refused(['--state', newState()], { PORT: String(port) })
    other.close()
    expect(status).toBe(1)
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use`))])
  })

  it('refuses a variable it cannot use, naming it', () => {
    expect(refused(['--state', newState()], { AUTH: 'none' })).toMatchObject({ status: 1, lines: [expect.stringMatching(/^AUTH: /)] })
  })
})
