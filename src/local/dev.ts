import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { root, runTool } from './bootstrap.mjs'
import { startEmbedder } from './embedder/index.ts'
import { localSecrets, readSettings, SettingsError, type Variables } from './settings.ts'

// `npm run dev`: `wrangler dev` with the settings of `npm start`. wrangler takes variables from files only, so what the
// environment and `.dev.vars` say goes into one beside its state. Other arguments are passed on to wrangler.

const quote = (value: string): string => {
  const mark = ["'", '`', '"'].find((candidate) => !value.includes(candidate)) ?? "'"
  return `${mark}${value.replaceAll('$', '\\$')}${mark}`
}

function writeVars(file: string, vars: Variables): void {
  const lines = Object.entries(vars).map(([name, value]) => `${name}=${quote(value)}\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
}

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  const at = args.indexOf('--vars')
  const ownArgs = at < 0 ? [] : args.splice(at, 2)
  const given = (name: string) => args.some((arg) => arg === name || arg.startsWith(`${name}=`))
  const { vars, port, state } = readSettings({
    argv: ownArgs,
    env: { ...process.env, PORT: process.env.PORT || '8787', LOCI_STATE: process.env.LOCI_STATE || '.wrangler/state' },
    root,
  })
  mkdirSync(state, { recursive: true })
  const file = path.join(state, 'dev.env')
  const LOCAL_EMBEDDER_URL = vars.LOCAL_EMBEDDER_URL ?? (await startEmbedder()).url
  writeVars(file, { ...localSecrets(state), ...vars, LOCAL_EMBEDDER_URL })
  const place = given('--port') ? [] : ['--port', String(port)]
  return runTool(
    'wrangler',
    [
      'dev',
      '--env',
      '',
      '--ip',
      '127.0.0.1',
      ...place,
      '--persist-to',
      state,
      '--env-file',
      file,
      '--show-interactive-dev-session',
      'false',
      ...args,
    ],
    { env: { DEV_STATE: state } },
  )
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof SettingsError ? error.message : error)
    process.exit(1)
  },
)
