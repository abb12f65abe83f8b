import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs, parseEnv } from 'node:util'
import { ConfigSchema } from '../env.ts'
import { randomToken, toBase64 } from '../lib/crypto.ts'

/** A setting that cannot be used. The message names it and says where it came from; secrets are never in it. */
export class SettingsError extends Error {}

/** Variables of the Worker by name, as strings. */
export type Variables = Record<string, string>

/** Where the local server listens, where its state lies, and the variables that were set. */
export interface Settings {
  port: number
  state: string
  vars: Variables
}

export interface SettingsSource {
  argv: string[]
  env: Record<string, string | undefined>
  /** Folder that relative paths and `.dev.vars` are looked up in. */
  root: string
}

/** Secrets that a local server makes for itself when none is set. */
export const generatedSecrets = {
  ADMIN_KEY: () => `admin-${randomToken(24)}`,
  ENCRYPTION_KEY: () => randomToken(32),
  WEBHOOK_SECRET: () => `whsec_${toBase64(crypto.getRandomValues(new Uint8Array(32)))}`,
} as const

const variableNames = Object.keys(ConfigSchema.shape)
const placeNames = ['PORT', 'LOCI_STATE']
const secretName = /KEY|SECRET|TOKEN|PASSWORD/

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, x] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, y] of [...b].entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (x === y ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}

function suggestion(name: string, known: string[]): string {
  const [best] = known.map((candidate) => ({ candidate, away: distance(name, candidate) })).sort((a, b) => a.away - b.away)
  return best && best.away <= Math.max(2, name.length / 4) ? ` Did you mean ${best.candidate}?` : ' `.dev.vars.example` lists the settings.'
}

function readVarsFile(file: string): Variables {
  if (!existsSync(file)) return {}
  const vars = parseEnv(readFileSync(file, 'utf8')) as Variables
  const known = [...variableNames, ...placeNames]
  for (const name of Object.keys(vars)) {
    if (!known.includes(name)) throw new SettingsError(`${name} in ${file} is not a setting of Loci.${suggestion(name, known)}`)
  }
  return vars
}

function portOf(text: string, from: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new SettingsError(`${from} must be a port from 0 to 65535; it is ${JSON.stringify(text)}.`)
  return port
}

/** Throws a SettingsError that names each variable whose value the Worker would refuse. */
export function checkVariables(vars: Variables): void {
  const set = Object.fromEntries(Object.entries(vars).filter(([, value]) => value !== ''))
  const result = ConfigSchema.safeParse(set)
  if (result.success) return
  const lines = result.error.issues.map((issue) => {
    const name = String(issue.path[0])
    const value = secretName.test(name) ? '' : ` (it is ${JSON.stringify(vars[name])})`
    return `${name}: ${issue.message}${value}`
  })
  throw new SettingsError(lines.join('\n'))
}

/**
 * Settings of `npm start`: arguments win over the environment, the environment over `.dev.vars`. Throws a SettingsError that
 * names what is wrong.
 */
export function readSettings({ argv, env, root }: SettingsSource): Settings {
  const { values } = (() => {
    try {
      return parseArgs({
        args: argv,
        options: { port: { type: 'string' }, state: { type: 'string' }, vars: { type: 'string', default: '.dev.vars' } },
      })
    } catch (error) {
      throw new SettingsError(`${(error as Error).message} Arguments: --port <number>, --state <folder>, --vars <file>.`)
    }
  })()
  for (const name of Object.keys(env)) {
    if (name.startsWith('LOCI_') && !placeNames.includes(name)) {
      throw new SettingsError(`${name} in the environment is not a setting of Loci.${suggestion(name, [...placeNames, ...variableNames])}`)
    }
  }
  const file = readVarsFile(path.resolve(root, values.vars))
  const given: Variables = { ...file }
  for (const name of [...variableNames, ...placeNames]) {
    const value = env[name]
    if (value !== undefined && value !== '') given[name] = value
  }
  const { PORT = '8283', LOCI_STATE = '.loci', ...vars } = given
  checkVariables(vars)
  return {
    port: values.port === undefined ? portOf(PORT, 'PORT') : portOf(values.port, '--port'),
    state: path.resolve(root, values.state ?? LOCI_STATE),
    vars,
  }
}

/** File that keeps the generated secrets of a state folder. */
export const secretsFile = (state: string): string => path.join(state, 'secrets.json')

/** The secrets of a state folder: read from `secrets.json`, made and kept there (mode 600) on the first start. */
export function localSecrets(state: string): Variables {
  const file = secretsFile(state)
  let kept: Variables = {}
  if (existsSync(file)) {
    try {
      kept = JSON.parse(readFileSync(file, 'utf8'))
    } catch {
      throw new SettingsError(`${file} is not valid JSON. Restore it, or what was sealed with its ENCRYPTION_KEY cannot be read again.`)
    }
  }
  const made = Object.entries(generatedSecrets).filter(([name]) => typeof kept[name] !== 'string')
  if (made.length > 0) {
    for (const [name, make] of made) kept[name] = make()
    mkdirSync(state, { recursive: true })
    const temporary = `${file}.${process.pid}`
    writeFileSync(temporary, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
    renameSync(temporary, file)
  }
  return kept
}
