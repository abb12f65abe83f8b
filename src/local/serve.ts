import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Miniflare } from 'miniflare'
import { type Bundle, bundleWorker } from './bundle.ts'
import { startCrons } from './cron.ts'
import { type LocalEmbedder, startEmbedder } from './embedder/index.ts'
import { applyMigrations } from './migrate.ts'
import { reservePort, startRuntime } from './runtime.ts'
import { checkVariables, localSecrets, type Variables } from './settings.ts'
import { lockState } from './state.ts'

export interface ServeOptions {
  /** Port on 127.0.0.1; 0, the default, takes a free one. */
  port?: number
  /** Folder of everything the server keeps; made when missing. */
  state: string
  /** Variables of the Worker, over the local defaults and the secrets of the state folder. */
  vars?: Variables
  /** `false` serves the last built bundle; otherwise it is rebuilt when sources changed. */
  build?: boolean
  /** Receives what the Worker logs; the default writes to this process's output. */
  log?: (level: string, message: string) => void
}

/** The running server. */
export interface Served {
  url: string
  /** Variables the Worker runs with, secrets included. */
  vars: Variables
  bundle: Bundle
  /** The runtime, for seeding and inspection; requests go to `url`. */
  miniflare: Miniflare
  /** Process id of workerd. */
  pid(): number | undefined
  dispose(): Promise<void>
}

const writeLog = (level: string, message: string): void => {
  const output = level === 'error' || level === 'warn' ? process.stderr : process.stdout
  output.write(`${message}\n`)
}

const migrator = 'export default { fetch: () => new Response(null, { status: 503 }) }'

/** Brings the database up to date before the Worker runs, so that neither a request nor a due alarm meets an older schema. */
async function migrate(bundle: Bundle, state: string, data: string): Promise<void> {
  const marker = path.join(state, 'schema.json')
  const names = JSON.stringify(bundle.migrations.map(({ name }) => name))
  if (existsSync(path.join(data, 'd1')) && existsSync(marker) && readFileSync(marker, 'utf8') === names) return
  const runtime = await startRuntime({
    modules: [{ type: 'ESModule', path: 'index.js', contents: migrator }],
    worker: { name: 'migrator', compatibilityDate: bundle.worker.compatibilityDate, d1Databases: bundle.worker.d1Databases, bindings: {} },
    port: 0,
    data,
    log: writeLog,
  })
  try {
    await applyMigrations((await runtime.miniflare.getD1Database('DB')) as unknown as D1Database, bundle.migrations)
  } finally {
    await runtime.dispose()
  }
  writeFileSync(marker, names)
}

/**
 * Serves the production bundle on Miniflare: builds, migrates and listens on 127.0.0.1, the built-in embedding model beside it unless
 * LOCAL_EMBEDDER_URL is given. Only one server at a time may use a state folder. Rejects with a SettingsError when a variable, the port or
 * the state folder cannot be used.
 */
export async function serve({ port = 0, state, vars = {}, build = true, log = writeLog }: ServeOptions): Promise<Served> {
  checkVariables(vars)
  const lock = lockState(state)
  let embedder: LocalEmbedder | undefined
  try {
    const listen = await reservePort(port)
    const bundle = await bundleWorker({ build })
    if (vars.LOCAL_EMBEDDER_URL === undefined) embedder = await startEmbedder()
    const local = { LOG_LEVEL: 'warn', ...(embedder ? { LOCAL_EMBEDDER_URL: embedder.url } : {}) }
    const all = { ...(bundle.worker.bindings as Variables), ...local, ...localSecrets(state), ...vars }
    const data = path.join(state, 'data')
    await migrate(bundle, state, data)
    const runtime = await startRuntime({
      modules: bundle.modules,
      worker: { ...bundle.worker, bindings: all },
      port: listen,
      data,
      log,
    })
    lock.note({ url: runtime.url, runtime: runtime.pid() })
    const stopCrons = startCrons(bundle.crons, (cron) => {
      void runtime.miniflare
        .getWorker()
        .then((worker) => worker.scheduled({ cron, scheduledTime: new Date() }))
        .catch((error: Error) => log('error', `The scheduled work of ${cron} failed: ${error.message} ${error.cause ?? ''}`.trimEnd()))
    })
    return {
      url: runtime.url,
      vars: all,
      bundle,
      miniflare: runtime.miniflare,
      pid: runtime.pid,
      dispose: async () => {
        stopCrons()
        await runtime.dispose()
        await embedder?.close()
        lock.release()
      },
    }
  } catch (error) {
    await embedder?.close()
    lock.release()
    throw error
  }
}
