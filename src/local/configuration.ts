import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { ConfigSchema } from '../env.ts'

const defaults = ConfigSchema.parse({}) as Record<string, unknown>

const shown = (value: unknown): string => {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none'
  return `\`${value}\``
}

/** The reference of all settings, as `docs/configuration.md` holds it: made from the schema that reads them. */
export function configurationPage(): string {
  const rows = Object.entries(ConfigSchema.shape).map(
    ([name, schema]) => `| \`${name}\` | ${shown(defaults[name])} | ${(schema as z.ZodType).description ?? ''} |`,
  )
  return `# Configuration

Settings come from the environment or from \`.dev.vars\` (the environment wins) with \`npm start\` and \`npm run dev\`; on Cloudflare from \`[env.production.vars]\`
in \`wrangler.toml\` and, for secrets, from \`wrangler secret put NAME --env production\`. Unknown names in \`.dev.vars\` and wrong values are refused with the name of the variable.

\`npm start\` sets \`ENVIRONMENT=local\`, \`AUTH=open\`, \`RATE_LIMIT=off\`, \`EGRESS_ALLOW=loopback\` and \`LOG_LEVEL=warn\` unless you do, and makes the secrets that are missing
(kept in \`.loci/secrets.json\`). \`PORT\` or \`--port\` and \`LOCI_STATE\` or \`--state\` say where it listens and where its state lies.

| name | default | meaning |
| --- | --- | --- |
${rows.join('\n')}
`
}

const target = fileURLToPath(new URL('../../docs/configuration.md', import.meta.url).href)
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(target, configurationPage())
