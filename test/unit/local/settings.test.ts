import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { root as repository } from '../../../src/local/bootstrap.mjs'
import { checkVariables, localSecrets, readSettings, SettingsError, secretsFile } from '../../../src/local/settings'

let root: string
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'loci-settings-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const read = (argv: string[] = [], env: Record<string, string> = {}) => readSettings({ argv, env, root })
const devVars = (text: string) => writeFileSync(path.join(root, '.dev.vars'), text)
const problem = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError)
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}

describe('settings of npm start', () => {
  it('defaults to port 8283 and the state folder .loci', () => {
    expect(read()).toEqual({ port: 8283, state: path.join(root, '.loci'), vars: {} })
  })

  it('prefers arguments to the environment and the environment to .dev.vars', () => {
    devVars('PORT=1\nLOCI_STATE=a\nOPENAI_API_KEY=file\nDEFAULT_MODEL="openai/x"\n')
    expect(read()).toEqual({ port: 1, state: path.join(root, 'a'), vars: { OPENAI_API_KEY: 'file', DEFAULT_MODEL: 'openai/x' } })
    const env = { PORT: '2', LOCI_STATE: 'b', OPENAI_API_KEY: 'env', HOME: '/home/ada' }
    expect(read([], env)).toMatchObject({ port: 2, state: path.join(root, 'b'), vars: { OPENAI_API_KEY: 'env' } })
    expect(read(['--port', '0', '--state', 'c'], env)).toMatchObject({ port: 0, state: path.join(root, 'c') })
  })

  it('takes an empty variable of the environment as unset', () => {
    devVars('OPENAI_API_KEY=file\n')
    expect(read([], { OPENAI_API_KEY: '', PORT: '' })).toMatchObject({ port: 8283, vars: { OPENAI_API_KEY: 'file' } })
  })

  it('names a misspelt variable and the one that was meant', () => {
    devVars('OPENAI_APIKEY=sk-secret\n')
    const message = problem(() => read())
    expect(message).toMatch(/OPENAI_APIKEY in .*\.dev\.vars.*Did you mean OPENAI_API_KEY\?/)
    expect(message).not.toContain('sk-secret')
    devVars('')
    expect(problem(() => read([], { LOCI_STAT: 'x' }))).toMatch(/LOCI_STAT .*Did you mean LOCI_STATE\?/)
  })

  it('names a variable whose value is refused, with the value unless it is a secret', () => {
    expect(problem(() => read([], { RATE_LIMIT: 'of' }))).toMatch(/^RATE_LIMIT: .*"on"\|"off".*"of"/)
    expect(problem(() => checkVariables({ MAX_QUEUED_RUNS: '0', LOG_LEVEL: 'loud' }))).toMatch(/LOG_LEVEL: .*\nMAX_QUEUED_RUNS: /)
  })

  it('refuses a port that is none and an argument it does not know', () => {
    for (const port of ['x', '-1', '65536', '1.5']) expect(problem(() => read([`--port=${port}`]))).toMatch(/^--port must be a port/)
    expect(problem(() => read([], { PORT: 'x' }))).toMatch(/^PORT must be a port/)
    expect(problem(() => read(['--prot', '1']))).toContain('--prot')
  })
})

describe('generated secrets', () => {
  it('are made once, readable by the owner only, and stay the same', () => {
    const state = path.join(root, 'state')
    const first = localSecrets(state)
    expect(Object.keys(first).sort()).toEqual(['ADMIN_KEY', 'ENCRYPTION_KEY', 'WEBHOOK_SECRET'])
    expect(first.WEBHOOK_SECRET).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(statSync(secretsFile(state)).mode & 0o777).toBe(0o600)
    expect(localSecrets(state)).toEqual(first)
    expect(localSecrets(path.join(root, 'other')).ENCRYPTION_KEY).not.toBe(first.ENCRYPTION_KEY)
  })

  it('are never replaced when their file cannot be read', () => {
    writeFileSync(secretsFile(root), '{"ENCRYPTION_KEY":')
    expect(problem(() => localSecrets(root))).toContain('secrets.json')
    expect(readFileSync(secretsFile(root), 'utf8')).toBe('{"ENCRYPTION_KEY":')
  })
})

describe('.dev.vars.example', () => {
  it('names every setting and no other', () => {
    const text = readFileSync(path.join(repository, '.dev.vars.example'), 'utf8')
    const named = [...text.matchAll(/^# ([A-Z_]+)=/gm)].map((match) => match[1])
    expect(named.sort()).toEqual([...Object.keys(ConfigSchema.shape), 'PORT', 'LOCI_STATE'].sort())
  })
})
