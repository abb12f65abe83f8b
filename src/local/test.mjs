import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { installMissing, runTool } from './bootstrap.mjs'

// `npm test`: installs what is missing, runs the suite, and closes with one line: `N passed, N failed`.
installMissing()

const folder = mkdtempSync(path.join(tmpdir(), 'loci-test-'))
const summary = path.join(folder, 'summary.json')
const code = await runTool(
  'vitest',
  [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--root',
    '.',
    '--reporter=default',
    '--reporter=./test/support/summary.ts',
    ...process.argv.slice(2),
  ],
  { env: { TEST_SUMMARY: summary } },
)

let counts = { passed: 0, failed: 0 }
try {
  counts = JSON.parse(readFileSync(summary, 'utf8'))
} catch {
  // Vitest ended before it could report; its exit code says so.
}
rmSync(folder, { recursive: true, force: true })
if (code !== 0 && counts.failed === 0) counts.failed = 1
console.log(`${counts.passed} passed, ${counts.failed} failed`)
process.exit(code)
