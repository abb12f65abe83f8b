import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface ServerOptions {
  /** Folder of the server's state; by default a new one, removed by `stop`. */
  state?: string
  /** Settings; the environment of the tests and `.dev.vars` are not read. Nothing is embedded unless `DEFAULT_EMBEDDING` is among them; empty, it is the built-in model. */
  env?: Record<string, string>
  /** 0, the default, takes a free port. */
  port?: number
}

/** The real `npm start` program in a process group of its own. */
export interface RunningServer {
  /** Stays the same across `restart`. */
  readonly url: string
  readonly state: string
  /** Id of the process group and of the process that leads it. */
  readonly pid: number
  /** Everything it has printed, standard output and errors, of all its lives. */
  readonly logs: string
  /** `kill -9` of the whole group; resolves when no process of it is left, workerd included. */
  kill9(): Promise<void>
  /** Starts again on the same state and port, after `kill9` if it still runs. */
  restart(env?: Record<string, string>): Promise<void>
  /** Ctrl-C; resolves with the exit code and removes a state folder that was made here. */
  stop(): Promise<number>
}

const root = fileURLToPath(new URL('../..', import.meta.url).href)
const startupLimit = 60_000
const alive = new Set<number>()

process.once('exit', () => {
  for (const pid of alive) signalGroup(pid, 'SIGKILL')
})

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

/** Processes of a group that still run; the dead that nobody has collected yet (state Z) do not count. */
function membersOf(group: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const [state, , leader] = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')
        return leader === String(group) && state !== 'Z'
      } catch {
        return false
      }
    })
    .map(Number)
}

const groupRuns = (group: number): boolean => signalGroup(group, 0) && (process.platform !== 'linux' || membersOf(group).length > 0)

async function groupEnds(pid: number): Promise<void> {
  for (const started = performance.now(); groupRuns(pid); ) {
    if (performance.now() - started > 10_000) throw new Error(`processes of group ${pid} outlive SIGKILL`)
    await delay(10)
  }
  alive.delete(pid)
}

/** Starts the server and resolves when it takes requests; rejects with its output when it ends or stays silent. */
export async function startServer({ state, env = {}, port = 0 }: ServerOptions = {}): Promise<RunningServer> {
  const folder = state ?? mkdtempSync(path.join(tmpdir(), 'loci-state-'))
  let settings = env
  let child: ChildProcess
  let closed: Promise<number> = Promise.resolve(0)
  let url = ''
  let logs = ''

  const launch = (listen: number): Promise<void> => {
    const own = spawn(process.execPath, ['src/local/start.mjs', '--port', String(listen), '--state', folder, '--vars', '/dev/null'], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The launcher ends with the process that npm would be: a test run that is killed leaves no server behind.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, npm_lifecycle_event: 'start', DEFAULT_EMBEDDING: 'none', ...settings },
    })
    child = own
    closed = new Promise((resolve) => own.once('close', (code) => resolve(code ?? -1)))
    const started = logs.length
    if (own.pid) alive.add(own.pid)
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer)
        if (own.pid) signalGroup(own.pid, 'SIGKILL')
        reject(new Error(`the server ${why}:\n${logs.slice(started)}`))
      }
      const timer = setTimeout(() => fail(`was not ready within ${startupLimit} ms`), startupLimit)
      const read = (chunk: unknown) => {
        logs += String(chunk)
        const ready = /^Loci is ready on (http:\/\/\S+)/m.exec(logs.slice(started))
        if (!ready?.[1]) return
        clearTimeout(timer)
        url = ready[1]
        resolve()
      }
      own.stdout.on('data', read)
      own.stderr.on('data', read)
      own.once('error', (error) => fail(`could not be started: ${error.message}`))
      own.once('exit', (code, signal) => fail(`ended with ${code ?? signal}`))
    })
  }

  const kill9 = async (): Promise<void> => {
    if (!child.pid) return
    signalGroup(child.pid, 'SIGKILL')
    await groupEnds(child.pid)
    await closed
  }

  await launch(port)
  return {
    get url() {
      return url
    },
    state: folder,
    get pid() {
      return child.pid ?? 0
    },
    get logs() {
      return logs
    },
    kill9,
    restart: async (changed) => {
      if (changed) settings = changed
      await kill9()
      await launch(Number(new URL(url).port))
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
      const code = await closed
      await kill9()
      if (state === undefined) rmSync(folder, { recursive: true, force: true })
      return code
    },
  }
}
