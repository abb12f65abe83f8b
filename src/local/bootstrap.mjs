import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

// Runs before anything is installed, on Node 20: plain JavaScript, no packages.

/** Folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

const modules = path.join(root, 'node_modules')
const oldestNode = [22, 18]

/** Environment of every program that is started here: tools say nothing to the outside and find the right Node first. */
export const toolEnv = () => ({
  ...process.env,
  PATH: [path.dirname(nodeBinary()), path.join(modules, '.bin'), process.env.PATH].join(path.delimiter),
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_WRITE_LOGS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
  X_LOCAL_EXPLORER: 'false',
})

function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {}
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

/**
 * Whether `node_modules` holds what the lock file names. npm writes its own list at the end of an install, so an interrupted
 * one counts as missing. Packages npm may leave out on this platform are compared only where they are present.
 */
function isInstalled() {
  const wanted = readLock(path.join(root, 'package-lock.json'))
  const present = readLock(path.join(modules, '.package-lock.json'))
  if (!wanted || !present) return false
  return Object.entries(wanted).every(([name, entry]) => {
    if (name === '' || entry.link) return true
    const found = present[name]
    return found ? found.version === entry.version : Boolean(entry.optional || entry.devOptional || entry.peer)
  })
}

/** Installs the locked packages when they are missing or differ from the lock file; ends the process when npm fails. */
export function installMissing() {
  if (isInstalled()) return
  console.log(`${readLock(path.join(modules, '.package-lock.json')) ? 'Updating dependencies' : 'Installing dependencies (first run)'} …`)
  const locked = readLock(path.join(root, 'package-lock.json'))
  const args = [locked ? 'ci' : 'install', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  // The Node that runs npm, not the one in node_modules, which npm is about to replace.
  const cli = process.env.npm_execpath
  const [command, ...before] = cli?.endsWith('npm-cli.js') ? [process.env.npm_node_execpath ?? process.execPath, cli] : ['npm']
  const npm = spawnSync(command, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (npm.status === 0) return
  if (npm.stdout?.length) process.stderr.write(npm.stdout)
  console.error(
    npm.error ? `npm could not be started: ${npm.error.message}` : `npm ${args[0]} failed: see above. Loci needs the npm registry once.`,
  )
  process.exit(npm.status || 1)
}

const atLeast = (version) => {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number)
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
}

let chosen

/** The Node that runs everything else: the one npm installed for this platform, else the current one if it is new enough. */
export function nodeBinary() {
  if (chosen) return chosen
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const own = path.join(modules, `node-${platform}-${process.arch}`, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  const tried = spawnSync(own, ['--version'], { encoding: 'utf8' })
  if (tried.status === 0 && atLeast(tried.stdout)) chosen = own
  else if (atLeast(process.version)) chosen = process.execPath
  else {
    console.error(
      `Loci runs on Node ${oldestNode.join('.')} or newer. npm installs one on Linux (x64, arm64) and Windows (x64); here ` +
        `(${process.platform}-${process.arch}) it did not, and this is Node ${process.version}. Install Node 24 and start again.`,
    )
    process.exit(1)
  }
  return chosen
}

/** Runs a program with this terminal, passes signals on, and resolves with its exit code (128 + n after signal n). */
export function run(command, args, { env = {}, onMessage, ...options } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', ...(onMessage ? ['ipc'] : [])],
    env: { ...toolEnv(), ...env },
    shell: process.platform === 'win32' && !path.isAbsolute(command),
    ...options,
  })
  if (onMessage) child.on('message', onMessage)
  // At a terminal the child gets Ctrl-C itself; tools take a second one as "stop at once". The server tells the two apart.
  const pass = (signal) => {
    if (signal !== 'SIGINT' || onMessage || !process.stdin.isTTY) child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, pass)
  // npm does not always pass its own end on; a server nobody can see any more would keep its port.
  const parent = process.ppid
  const watch = setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500)
  if (!process.env.npm_lifecycle_event) clearInterval(watch)
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`)
      resolve(127)
    })
    child.on('exit', (code, signal) => {
      clearInterval(watch)
      for (const name of signals) process.off(name, pass)
      resolve(code ?? 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0))
    })
  })
}

/** Runs a script of this repository, JavaScript or TypeScript, on the chosen Node. */
export const runNode = (script, args, options) => run(nodeBinary(), [path.join(root, script), ...args], options)

/** Runs a command-line tool that a package in `node_modules` provides. */
export const runTool = (name, args, options) => run(name, args, options)
