import path from 'node:path'
import { parseArgs } from 'node:util'

/** What the command line asks for. */
export interface Options {
  from: string
  token: string | null
  to: string
  toToken: string | null
  /** Agents to move; all when empty. */
  agents: string[]
  dryRun: boolean
  state: string
  /** Model of agents whose own the target does not serve. */
  fallbackModel: string | null
}

/** A command line that cannot be used: the message says why. */
export class UsageError extends Error {}

export const usage = `usage: npm run import:letta -- --from <base-url> [options]

  --from <url>            the Letta server to move from
  --token <token>         its API key; else LETTA_API_KEY
  --to <url>              the Loci server to move to (http://127.0.0.1:8283)
  --to-token <key>        its API key; else LOCI_API_KEY
  --agents <id,id>        only these agents, with what belongs to them; all unless given
  --fallback-model <m>    model of agents whose own model the target does not serve
  --state <file>          what was done already (import-letta.state.jsonl)
  --dry-run               say what would be moved, and write nothing`

function baseUrl(value: string, option: string): string {
  const url = URL.canParse(value) ? new URL(value) : null
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError(`--${option}: '${value}' is not an http or https URL`)
  return value.replace(/\/+$/, '').replace(/\/v1$/, '')
}

/** Reads the command line. Throws a UsageError. */
export function readOptions(argv: string[], env: Record<string, string | undefined>): Options | null {
  const text = { type: 'string' } as const
  let values: Record<string, string | boolean | undefined>
  try {
    values = parseArgs({
      args: argv,
      options: {
        from: text,
        token: text,
        to: text,
        'to-token': text,
        agents: text,
        'fallback-model': text,
        state: text,
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
  if (values.help) return null
  const given = (name: string) => (typeof values[name] === 'string' && values[name] !== '' ? (values[name] as string) : null)
  const from = given('from')
  if (!from) throw new UsageError('--from is required: the base URL of the Letta server to move from')
  const options = {
    from: baseUrl(from, 'from'),
    token: given('token') ?? env.LETTA_API_KEY ?? null,
    to: baseUrl(given('to') ?? 'http://127.0.0.1:8283', 'to'),
    toToken: given('to-token') ?? env.LOCI_API_KEY ?? null,
    agents: (given('agents') ?? '').split(',').flatMap((id) => id.trim() || []),
    dryRun: values['dry-run'] === true,
    state: path.resolve(given('state') ?? 'import-letta.state.jsonl'),
    fallbackModel: given('fallback-model'),
  }
  if (options.from === options.to) throw new UsageError('--from and --to are the same server')
  return options
}
