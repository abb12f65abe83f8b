import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { V4ModuleDefinition, V4WorkerOptions } from 'miniflare'
import { root, toolEnv } from './bootstrap.mjs'

/** A numbered SQL file, split into its statements. */
export interface Migration {
  name: string
  queries: string[]
}

/** The Worker as `npm run deploy` would upload it, with what wrangler.toml declares around it. */
export interface Bundle {
  /** Folder it was written to. */
  folder: string
  modules: V4ModuleDefinition[]
  /** Bindings, variables and compatibility of wrangler.toml, as Miniflare takes them. */
  worker: WorkerSettings
  migrations: Migration[]
  crons: string[]
  /** Size of all modules in bytes, plain and compressed. */
  size: { bytes: number; gzip: number }
}

export type WorkerSettings = Partial<V4WorkerOptions> & { bindings: Record<string, unknown> }

/** The Worker could not be built; the message is wrangler's output. */
export class BuildError extends Error {}

type Manifest = Omit<Bundle, 'folder' | 'modules'> & { hash: string }

const manifestName = 'loci.json'
const moduleTypes: Record<string, 'ESModule' | 'CompiledWasm' | 'Text' | 'Data'> = {
  '.js': 'ESModule',
  '.wasm': 'CompiledWasm',
  '.txt': 'Text',
  '.html': 'Text',
  '.sql': 'Text',
  '.bin': 'Data',
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()

function hashOfSources(): string {
  const own = path.join(root, 'src', 'local') + path.sep
  const sources = ['src', 'durable-objects', 'migrations'].flatMap((folder) => filesIn(path.join(root, folder)))
  const hash = createHash('sha256')
  for (const file of [
    ...sources.filter((source) => !source.startsWith(own)),
    ...['wrangler.toml', 'tsconfig.json', 'package.json', 'package-lock.json', 'src/local/bundle.ts'].map((name) => path.join(root, name)),
  ]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

function readModules(folder: string): V4ModuleDefinition[] {
  const modules = filesIn(folder).flatMap((file): V4ModuleDefinition[] => {
    const type = moduleTypes[path.extname(file)]
    if (!type) return []
    const contents = type === 'ESModule' || type === 'Text' ? readFileSync(file, 'utf8') : readFileSync(file)
    return [{ type, path: path.relative(folder, file).replaceAll(path.sep, '/'), contents }]
  })
  return modules.sort((a, b) => Number(b.path === 'index.js') - Number(a.path === 'index.js'))
}

/** The last built bundle, or undefined when there is none or it was made from other sources. */
function readBundle(folder: string, hash?: string): Bundle | undefined {
  try {
    const { hash: built, ...manifest }: Manifest = JSON.parse(readFileSync(path.join(folder, manifestName), 'utf8'))
    if (hash !== undefined && hash !== built) return undefined
    const modules = readModules(folder)
    return modules[0]?.path === 'index.js' ? { folder, modules, ...manifest } : undefined
  } catch {
    return undefined
  }
}

function sizeOf(modules: V4ModuleDefinition[]): Bundle['size'] {
  const all = modules.map(({ contents = '' }) => contents)
  return {
    bytes: all.reduce((sum, contents) => sum + (typeof contents === 'string' ? new TextEncoder().encode(contents) : contents).length, 0),
    gzip: all.reduce((sum, contents) => sum + gzipSync(contents).length, 0),
  }
}

function runWrangler(args: string[]): Promise<void> {
  const child = spawn(process.execPath, [path.join(root, 'node_modules/wrangler/bin/wrangler.js'), ...args], {
    cwd: root,
    env: { ...toolEnv(), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new BuildError(`The Worker could not be built (wrangler ended with ${code}):\n${output.trim()}`))
    })
  })
}

async function readProject(): Promise<Omit<Manifest, 'hash' | 'size'>> {
  const wrangler = await import('wrangler')
  const config = wrangler.unstable_readConfig({ config: path.join(root, 'wrangler.toml') }, { hideWarnings: true })
  const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(config)
  const { modulesRules: _, rootPath: __, ...worker } = workerOptions
  const folder = path.join(root, config.d1_databases[0]?.migrations_dir ?? 'migrations')
  const migrations = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, queries: wrangler.unstable_splitSqlQuery(readFileSync(path.join(folder, name), 'utf8')) }))
  // wrangler mixes `.dev.vars` into the bindings; who serves decides about those.
  return {
    worker: { ...(worker as Partial<V4WorkerOptions>), name: config.name, bindings: config.vars },
    migrations,
    crons: config.triggers.crons ?? [],
  }
}

/**
 * The production bundle, built by wrangler into `dist/worker` when a source, a migration or the configuration changed since.
 * With `build: false` the bundle of the last build is taken as it is. Throws with wrangler's output when the build fails.
 */
export async function bundleWorker({ build = true } = {}): Promise<Bundle> {
  const folder = path.join(root, 'dist', 'worker')
  const hash = build ? hashOfSources() : undefined
  const existing = readBundle(folder, hash)
  if (existing) return existing
  if (hash === undefined) throw new BuildError(`There is no bundle in ${folder}: run \`npm run build\` first.`)
  const fresh = path.join(root, 'dist', `worker-${process.pid}-${Date.now()}`)
  mkdirSync(fresh, { recursive: true })
  try {
    const [project] = await Promise.all([readProject(), runWrangler(['deploy', '--dry-run', '--env', '', '--outdir', fresh])])
    const modules = readModules(fresh)
    const manifest: Manifest = { ...project, hash, size: sizeOf(modules) }
    writeFileSync(path.join(fresh, manifestName), JSON.stringify(manifest))
    rmSync(folder, { recursive: true, force: true })
    try {
      renameSync(fresh, folder)
    } catch (error) {
      // Another process put its own build there in the meantime; this one is in memory already.
      if (!['EEXIST', 'ENOTEMPTY', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
    return { ...project, folder, modules, size: manifest.size }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}
