import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SettingsError } from './settings.ts'

/** Exclusive use of a state folder by one server. */
export interface StateLock {
  /** Keeps the process id of the Workers runtime and the address, for the next start and for who finds the folder in use. */
  note(server: { url: string; runtime: number | undefined }): void
  release(): void
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    try {
      return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    } catch {
      return ''
    }
  }
}

function endLeftOver(pid: unknown): void {
  if (typeof pid !== 'number' || !/workerd\S* serve --binary/.test(commandOf(pid))) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/**
 * Takes a state folder, so that two servers never write to it at once. The operating system frees the lock when its holder
 * dies, however that happens; a Workers runtime that a killed server left behind is ended. Throws a SettingsError when in use.
 */
export function lockState(folder: string): StateLock {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new SettingsError(`The state folder ${folder} cannot be made: ${(error as Error).message}`)
  }
  const file = path.join(folder, 'server.json')
  const last: { pid?: unknown; url?: unknown; runtime?: unknown } = (() => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'))
    } catch {
      return {}
    }
  })()
  const lock = new DatabaseSync(path.join(folder, 'lock'), { timeout: 0 })
  try {
    lock.exec('pragma journal_mode = delete; pragma locking_mode = exclusive; begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== 5) throw error
    const where = last.url ? ` (process ${last.pid}, ${last.url})` : ''
    throw new SettingsError(`The state folder ${folder} is in use by another server${where}. Stop it, or choose another with --state.`)
  }
  endLeftOver(last.runtime)
  return {
    note: (server) => writeFileSync(file, JSON.stringify({ pid: process.pid, ...server })),
    release: () => lock.close(),
  }
}
