import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { createServer } from 'node:net'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4ModuleDefinition } from 'miniflare'
import type { WorkerSettings } from './bundle.ts'
import { SettingsError } from './settings.ts'

const host = '127.0.0.1'

export interface RuntimeOptions {
  modules: V4ModuleDefinition[]
  worker: WorkerSettings
  /** Port to listen on; 0 takes a free one. */
  port: number
  /** Folder of D1 databases, Durable Objects and R2 buckets. */
  data: string
  /** Receives what the Worker writes with `console`. */
  log(level: string, message: string): void
}

/** A way out that workerd itself keeps to public addresses, after name resolution: what webhooks go through. */
const publicNetwork = { network: { allow: ['public'], tlsOptions: { trustBrowserCas: true } } }

/** A Worker served by Miniflare on this machine. */
export interface Runtime {
  url: string
  miniflare: Miniflare
  /** Process id of workerd; it changes when workerd crashes and is started again. */
  pid(): number | undefined
  dispose(): Promise<void>
}

interface Spawned {
  process?: ChildProcess
}

const spawnedFor = new AsyncLocalStorage<Spawned>()
channel('child_process').subscribe((message) => {
  const spawned = spawnedFor.getStore()
  if (spawned) spawned.process = (message as { process: ChildProcess }).process
})

/** A free port for 0, else the port itself. Rejects with a SettingsError when something listens there already. */
export function reservePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const use = `Port ${port} on ${host} is in use. Stop what listens there, or choose another with --port or PORT.`
      reject(new SettingsError(error.code === 'EADDRINUSE' ? use : `Port ${port} on ${host} cannot be used: ${error.message}`))
    })
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}

/**
 * Serves a Worker on 127.0.0.1. Requests reach it without Miniflare's entry Worker in between: what a caller sees is what the
 * Worker sends, at workerd's own speed. Rejects when the port is in use or the runtime does not start.
 */
export async function startRuntime({ modules, worker, port, data, log }: RuntimeOptions): Promise<Runtime> {
  const listen = await reservePort(port)
  const options = convertV4MiniflareOptions({
    host,
    port: 0,
    cf: false,
    log: new Log(LogLevel.ERROR),
    logRequests: false,
    handleStructuredLogs: ({ level, message }) => log(level, message),
    telemetry: { enabled: false },
    resourcePersistencePath: data,
    workers: [
      {
        ...worker,
        serviceBindings: { ...worker.serviceBindings, PUBLIC_NETWORK: publicNetwork },
        modules,
        modulesRoot: '/',
        unsafeDirectSockets: [{ host, port: listen }],
      },
    ],
  })
  const spawned: Spawned = {}
  const miniflare = spawnedFor.run(spawned, () => new Miniflare(options))
  try {
    await miniflare.ready
  } catch (error) {
    await miniflare.dispose().catch(() => undefined)
    if ((error as { code?: string }).code === 'ERR_ADDRESS_IN_USE') await reservePort(listen)
    throw error
  }
  return {
    url: `http://${host}:${listen}`,
    miniflare,
    pid: () => spawned.process?.pid,
    dispose: () => miniflare.dispose(),
  }
}
