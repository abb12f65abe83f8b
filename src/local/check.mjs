import { spawn } from 'node:child_process'
import { installMissing, root, toolEnv } from './bootstrap.mjs'

// `npm run check`: format, lint, types and unit tests side by side; shows the output of what failed.
installMissing()

const checks = {
  'format and lint': ['biome', ['check', '--error-on-warnings', '.']],
  types: ['tsc', ['--noEmit']],
  'unit tests': ['vitest', ['run', '--config', 'test/vitest.config.ts', '--root', '.', '--project', 'unit', '--reporter=dot']],
}

const started = performance.now()
const results = await Promise.all(
  Object.entries(checks).map(
    ([name, [command, args]]) =>
      new Promise((resolve) => {
        const child = spawn(command, args, { cwd: root, env: toolEnv(), shell: process.platform === 'win32' })
        let output = ''
        const keep = (chunk) => {
          output += chunk
        }
        child.stdout.on('data', keep)
        child.stderr.on('data', keep)
        child.on('error', (error) => resolve({ name, ok: false, output: `${command} could not be started: ${error.message}\n` }))
        child.on('close', (code) => resolve({ name, ok: code === 0, output }))
      }),
  ),
)
for (const { name, ok, output } of results) {
  if (!ok) process.stdout.write(output)
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`)
}
console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
process.exit(results.every(({ ok }) => ok) ? 0 : 1)
