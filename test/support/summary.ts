import { writeFileSync } from 'node:fs'
import type { Reporter } from 'vitest/node'

/** Reporter that writes `{ passed, failed }` to the file TEST_SUMMARY; a test file that cannot run counts as one failure. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd: Reporter['onTestRunEnd'] = (modules, errors) => {
    const file = process.env.TEST_SUMMARY
    if (!file) return
    let passed = 0
    let failed = errors.length
    for (const module of modules) {
      const tests = [...module.children.allTests()].map((test) => test.result().state)
      passed += tests.filter((state) => state === 'passed').length
      const broken = tests.filter((state) => state === 'failed').length
      failed += broken || (module.ok() ? 0 : 1)
    }
    writeFileSync(file, JSON.stringify({ passed, failed }))
  }
}
