import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url).href)

/** How a run of the import ended. */
export interface Ended {
  code: number | null
  output: string
}

/** A file for the state of an import. */
export const stateFile = (): string => path.join(mkdtempSync(path.join(tmpdir(), 'loci-import-')), 'state.jsonl')

/** The lines of a state file that are whole. */
export function stateLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}

/** Runs `npm run import:letta`; with `killWhen`, kills it with all of its processes as soon as that is true. */
export function runImport(args: string[], killWhen?: () => boolean): Promise<Ended> {
  const child = spawn(process.execPath, ['src/local/run.mjs', 'src/local/import-letta.ts', ...args], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk)
    })
  const watch = killWhen
    ? setInterval(() => {
        if (child.pid && killWhen()) process.kill(-child.pid, 'SIGKILL')
      }, 2)
    : undefined
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearInterval(watch)
      resolve({ code, output })
    }),
  )
}
