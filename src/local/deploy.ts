import { runTool } from './bootstrap.mjs'

// `npm run deploy`: migrations first, so that the new code never meets an older schema; then the Worker. Arguments go to
// `wrangler deploy`; with `--dry-run` nothing leaves this machine.
const args = process.argv.slice(2)
const environment = ['--env', 'production']
const dry = args.includes('--dry-run')

async function step(name: string, command: string[]): Promise<void> {
  console.log(`> ${name}`)
  const code = await runTool('wrangler', command)
  if (code !== 0) {
    console.error(`${name} failed (wrangler ended with ${code}).`)
    process.exit(code)
  }
}

if (!dry) await step('Migrating the database', ['d1', 'migrations', 'apply', 'DB', '--remote', ...environment])
await step('Deploying the Worker', ['deploy', ...environment, ...args])
if (!dry) {
  console.log('A Worker without its secrets answers 503. Set each once:')
  for (const name of ['ADMIN_KEY', 'ENCRYPTION_KEY', 'WEBHOOK_SECRET']) console.log(`  npx wrangler secret put ${name} --env production`)
}
