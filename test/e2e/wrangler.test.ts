import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../../src/local/bootstrap.mjs'
import { reservePort } from '../../src/local/runtime'

const run = (args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

describe('wrangler', () => {
  it('serves the smoke script under npm run dev, on a database it has migrated itself', async () => {
    const state = mkdtempSync(path.join(tmpdir(), 'loci-dev-'))
    const port = await reservePort(0)
    const dev = spawn(process.execPath, ['src/local/run.mjs', 'src/local/dev.ts', '--vars', '/dev/null'], {
      cwd: root,
      detached: true,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LOCI_STATE: state, PORT: String(port) },
    })
    try {
      let output = ''
      await new Promise<void>((resolve, reject) => {
        const read = (chunk: unknown) => {
          output += String(chunk)
          if (/Ready on http/.test(output)) resolve()
        }
        dev.stdout.on('data', read)
        dev.stderr.on('data', read)
        dev.once('exit', (code) => reject(new Error(`npm run dev ended with ${code}:\n${output}`)))
      })
      const smoke = run(['test/e2e/smoke.mjs', `http://127.0.0.1:${port}`])
      expect(smoke.stdout + smoke.stderr + output.slice(output.indexOf('Ready on'))).toMatch(/^OK smoke$/m)
      expect(smoke.status).toBe(0)
    } finally {
      const closed = new Promise((resolve) => dev.once('close', resolve))
      if (dev.pid) process.kill(-dev.pid, 'SIGKILL')
      await closed
      rmSync(state, { recursive: true, force: true })
    }
  })

  it('builds the production Worker', () => {
    const deploy = run(['src/local/run.mjs', 'src/local/deploy.ts', '--dry-run'])
    expect(deploy.stdout).toMatch(/env\.AI\s/)
    expect(deploy.stdout).toMatch(/env\.FILES\s/)
    expect(deploy.stdout).toMatch(/env\.VECTORIZE_512 \(loci-512\)\s+Vectorize Index/)
    expect(deploy.stdout).toContain('--dry-run: exiting now.')
    expect(deploy.status).toBe(0)
  })
})
