import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { installMissing, runTool } from './bootstrap.mjs'

// `npm test`: installs what is missing, runs the suite, and closes with one line: `N passed, N failed`. Tests that start servers, which
// mostly wait, run beside all others; what they print follows. With arguments, which go to vitest, everything runs in one place.
installMissing()

const folder = mkdtempSync(path.join(tmpdir(), 'loci-test-'))
const given = process.argv.slice(2)

/** Runs a part of the suite, and resolves with its exit code and counts. */
async function part(name, args, options) {
  const summary = path.join(folder, `${name}.json`)
  const reporters = ['--reporter=default', '--reporter=./test/support/summary.ts']
  const fixed = ['run', '--config', 'test/vitest.config.ts', '--root', '.', ...reporters]
  const code = await runTool('vitest', [...fixed, ...args], { env: { TEST_SUMMARY: summary }, ...options })
  let counts = { passed: 0, failed: 0 }
  try {
    counts = JSON.parse(readFileSync(summary, 'utf8'))
  } catch {
    // Vitest ended before it could report; its exit code says so.
  }
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return { code, ...counts }
}

async function whole() {
  const output = path.join(folder, 'http.txt')
  const file = openSync(output, 'w')
  const parts = await Promise.all([
    part('inner', ['--project', 'unit', '--project', 'worker']),
    part('http', ['--project', 'http'], { stdio: ['ignore', file, file] }),
  ])
  process.stdout.write(readFileSync(output))
  return parts
}

const parts = given.length > 0 ? [await part('all', given)] : await whole()
rmSync(folder, { recursive: true, force: true })
const sum = (key) => parts.reduce((total, each) => total + each[key], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exit(parts.find(({ code }) => code !== 0)?.code ?? 0)
