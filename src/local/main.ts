import path from 'node:path'
import { root } from './bootstrap.mjs'
import { BuildError } from './bundle.ts'
import { type Served, serve } from './serve.ts'
import { readSettings, SettingsError, secretsFile } from './settings.ts'

// `npm start` after the packages are installed.

const modelVariables = ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GEMINI_API_KEY', 'OLLAMA_BASE_URL', 'LMSTUDIO_BASE_URL', 'VLLM_BASE_URL']

let served: Served | undefined
let stopping = 0

/** Ends at once, workerd first: a runtime without its parent would keep the port and the state. */
function endNow(code: number): never {
  const pid = served?.pid()
  if (pid) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended already.
    }
  }
  process.exit(code)
}

async function stop(signal: string): Promise<void> {
  const now = performance.now()
  if (stopping) {
    // One Ctrl-C can arrive several times: from the terminal, from npm and from the supervising process.
    if (now - stopping > 500) endNow(130)
    return
  }
  stopping = now
  await served?.dispose()
  console.log(`Loci has stopped (${signal}).`)
  process.exit(0)
}

function report({ url, vars, bundle }: Served, state: string): string {
  const models = modelVariables.filter((name) => vars[name])
  const show = (file: string) => (path.relative(root, file).startsWith('..') ? file : path.relative(root, file))
  const auth = vars.AUTH === 'open' ? 'open: no key needed' : 'keys: every request needs one'
  const builtIn = vars.LOCAL_EMBEDDER_URL ? 'loci/use-lite' : 'none: set DEFAULT_EMBEDDING, or leave LOCAL_EMBEDDER_URL unset'
  const none = 'loci/scripted only: built in, deterministic, no language model. OPENAI_API_KEY and others add real ones.'
  return [
    `Loci is ready on ${url} (model ${vars.DEFAULT_MODEL || 'loci/scripted'}, auth ${auth})`,
    `  API       ${url}/docs`,
    `  State     ${show(state)}`,
    `  Secrets   ${show(secretsFile(state))}`,
    `  Models    ${models.length > 0 ? `loci/scripted, ${models.join(', ')}` : none}`,
    `  Embedding ${vars.DEFAULT_EMBEDDING || builtIn}`,
    `  Bundle    ${(bundle.size.gzip / 1024).toFixed(0)} KB gzip`,
    'Ctrl-C stops it.',
  ].join('\n')
}

async function main(): Promise<void> {
  const settings = readSettings({ argv: process.argv.slice(2), env: process.env, root })
  if (process.send) process.on('disconnect', () => endNow(1))
  served = await serve(settings)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // Miniflare's own listener, which served until here, exits before the state folder is released.
    process.removeAllListeners(signal)
    process.on(signal, () => void stop(signal))
  }
  let told: number | undefined
  const tell = () => {
    const runtime = served?.pid()
    if (runtime !== told) process.send?.({ runtime })
    told = runtime
  }
  tell()
  setInterval(tell, 1000).unref()
  console.log(report(served, settings.state))
}

main().catch((error: unknown) => {
  console.error(error instanceof SettingsError || error instanceof BuildError ? error.message : error)
  process.exit(1)
})
