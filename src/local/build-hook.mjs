import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { root, toolEnv } from './bootstrap.mjs'

// wrangler's build hook: under `wrangler dev` the local database gets the migrations it lacks, at start and when one is added.
if (process.env.WRANGLER_COMMAND === 'dev') {
  const wrangler = path.join(root, 'node_modules/wrangler/bin/wrangler.js')
  const place = process.env.DEV_STATE ? ['--persist-to', process.env.DEV_STATE] : []
  const applied = spawnSync(process.execPath, [wrangler, 'd1', 'migrations', 'apply', 'DB', '--local', '--env', '', ...place], {
    cwd: root,
    encoding: 'utf8',
    // Without CI wrangler would ask for confirmation.
    env: { ...toolEnv(), CI: '1', NO_COLOR: '1' },
  })
  if (applied.status !== 0) {
    process.stderr.write(`${applied.stdout ?? ''}${applied.stderr ?? ''}${applied.error?.message ?? ''}\n`)
    process.exit(applied.status || 1)
  }
}
