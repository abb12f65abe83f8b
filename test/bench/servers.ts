import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Miniflare } from 'miniflare'
import type { WorkerSettings } from '../../src/local/bundle.ts'
import { applyMigrations } from '../../src/local/migrate.ts'
import { startRuntime } from '../../src/local/runtime.ts'
import { type Served, serve } from '../../src/local/serve.ts'

/** A Worker under measurement. */
export interface Bench {
  url: string
  d1(): Promise<D1Database>
  /** Resident memory of its workerd in MB. */
  memory(): number
  /** Processor time that its workerd has used, in ms; NaN where the system has no /proc. */
  processor(): number
  dispose(): Promise<void>
}

const compatibility = { compatibilityDate: '2026-09-18', compatibilityFlags: ['nodejs_compat'] }

function residentMegabytes(pid: number | undefined): number {
  if (!pid) return Number.NaN
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024
  }
}

/** Hertz of the times in /proc, which Linux tells everybody alike. */
const ticksPerSecond = 100

function processorMs(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
  } catch {
    return Number.NaN
  }
}

const benchOf = (miniflare: Miniflare, url: string, pid: () => number | undefined, dispose: () => Promise<void>): Bench => ({
  url,
  d1: async () => (await miniflare.getD1Database('DB')) as unknown as D1Database,
  memory: () => residentMegabytes(pid()),
  processor: () => processorMs(pid()),
  dispose,
})

/** A Worker of this folder, served exactly as the real one is. */
export async function startBuilt(file: string, state: string, worker: Omit<WorkerSettings, 'bindings'>): Promise<Bench> {
  const built = await build({
    entryPoints: [fileURLToPath(new URL(file, import.meta.url).href)],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['cloudflare:workers'],
    write: false,
  })
  const runtime = await startRuntime({
    modules: [{ type: 'ESModule', path: 'index.js', contents: built.outputFiles[0]?.text ?? '' }],
    worker: { ...compatibility, bindings: {}, ...worker },
    port: 0,
    data: path.join(state, 'data'),
    log: (_, message) => console.error(message),
  })
  return benchOf(runtime.miniflare, runtime.url, runtime.pid, runtime.dispose)
}

/** The floor Worker. */
export async function startFloor(state: string): Promise<Bench> {
  const bench = await startBuilt('floor.ts', path.join(state, 'floor'), {
    name: 'floor',
    d1Databases: { DB: 'floor' },
    durableObjects: { OBJECT: { className: 'FloorObject', useSQLite: true } },
  })
  await applyMigrations(await bench.d1(), [
    {
      name: 'rows',
      queries: ['create table rows (id text primary key, kind text not null, sequence integer not null, body text not null)'],
    },
  ])
  return bench
}

/** The production bundle. */
export async function startLoci(state: string): Promise<Bench & { bundle: Served['bundle'] }> {
  const served = await serve({ state: path.join(state, 'loci'), vars: { AUTH: 'open', RATE_LIMIT: 'off' } })
  return { ...benchOf(served.miniflare, served.url, served.pid, served.dispose), bundle: served.bundle }
}
