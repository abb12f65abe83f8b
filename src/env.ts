import { z } from 'zod'
import type { AgentObject } from '../durable-objects/agent'
import type { DeliveryObject } from '../durable-objects/delivery'
import type { IndexObject } from '../durable-objects/indexer'
import type { VectorsObject } from '../durable-objects/vectors'
import type { EgressPolicy } from './lib/egress'
import type { FileMessage } from './resources/files/queue'
import type { VectorIndex } from './retrieval/ports'

/** Bindings of wrangler.toml. Variables are strings here; `configOf` reads them. */
export interface Env {
  DB: D1Database
  AGENT: DurableObjectNamespace<AgentObject>
  DELIVERY: DurableObjectNamespace<DeliveryObject>
  INDEX: DurableObjectNamespace<IndexObject>
  /** What the indexes of vectors keep that stand in for Vectorize where it is not; only they use it. */
  VECTORS: DurableObjectNamespace<VectorsObject>
  /** Uploaded files. */
  FILES: R2Bucket
  /** Files that wait to be processed. */
  FILE_QUEUE: Queue<FileMessage>
  RATE_LIMITER?: RateLimit
  /** A transport that connects to public addresses only, bound where the platform's own `fetch` could reach a private network. */
  PUBLIC_NETWORK?: Fetcher
  /** Indexes of vectors, by their dimensions: Vectorize on Cloudflare, a Durable Object on this machine. */
  VECTORIZE_384?: VectorIndex
  VECTORIZE_512?: VectorIndex
  VECTORIZE_768?: VectorIndex
  VECTORIZE_1024?: VectorIndex
  VECTORIZE_1536?: VectorIndex
  /** Workers AI; bound in production only. */
  AI?: Ai
  [variable: string]: unknown
}

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )
const secret = z.string().min(1).optional()

/**
 * Everything that can be configured, with its default. Variables come from the environment or `.dev.vars` locally, from
 * `[vars]` and `wrangler secret put` on Cloudflare.
 */
export const ConfigSchema = z.object({
  ENVIRONMENT: z
    .enum(['local', 'production'])
    .default('production')
    .describe('`production` refuses to serve without ADMIN_KEY, ENCRYPTION_KEY and WEBHOOK_SECRET.'),
  AUTH: z
    .enum(['open', 'keys'])
    .default('keys')
    .describe('`open`: a caller without a key acts as the default organization. `keys`: every request needs an API key.'),
  ADMIN_KEY: secret.describe('Bearer token of the operator: creates organizations, users and their first API keys.'),
  ENCRYPTION_KEY: secret.describe('Passphrase that seals stored secrets (AES-256-GCM).'),
  WEBHOOK_SECRET: secret.describe(
    'Standard Webhooks signing secret: `whsec_` and 24 to 64 random bytes in base64; several, separated by spaces, while they are rotated.',
  ),
  EGRESS_ALLOW: list.describe(
    'Comma-separated hosts, addresses or CIDR ranges that webhooks, model providers of organizations and MCP servers may have although they are not public; `loopback` names them all on this machine.',
  ),
  RATE_LIMIT: z.enum(['on', 'off']).default('on').describe('Rate limiting per organization by the Cloudflare binding.'),
  LOG_LEVEL: z.enum(['info', 'warn', 'error', 'silent']).default('info').describe('Least severe log line that is written.'),
  DEFAULT_MODEL: z.string().default('loci/scripted').describe('Model handle of agents that name none.'),
  DEFAULT_EMBEDDING: z
    .string()
    .optional()
    .describe(
      'Handle of the embedding model of archives and folders that name none. Without it: `loci/use-lite` where LOCAL_EMBEDDER_URL is set, else `workers-ai/@cf/baai/bge-base-en-v1.5` where Workers AI is bound. `none`: texts are searched by words alone.',
    ),
  LOCAL_EMBEDDER_URL: z
    .string()
    .optional()
    .describe(
      'Base URL of the built-in embedding model `loci/use-lite`, an OpenAI-compatible server. `npm start` and `npm run dev` run it and set this; set to nothing in `.dev.vars`, it does not run.',
    ),
  EMBED_MESSAGES: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether messages of users and agents are embedded, so that they are found by meaning too. `off` searches them by words.'),
  OPENAI_API_KEY: secret.describe('Key for handles `openai/<model>`.'),
  OPENAI_BASE_URL: z
    .string()
    .default('https://api.openai.com/v1')
    .describe('Any OpenAI-compatible server; with another host than OpenAI’s the chat-completions API is used.'),
  OPENAI_MODELS: list.describe('Models to list for `openai/…` when the server cannot be asked.'),
  ANTHROPIC_API_KEY: secret.describe('Key for handles `anthropic/<model>`.'),
  ANTHROPIC_BASE_URL: z.string().default('https://api.anthropic.com/v1').describe('Base URL of the Anthropic API.'),
  GEMINI_API_KEY: secret.describe('Key for handles `google_ai/<model>`.'),
  GEMINI_BASE_URL: z.string().default('https://generativelanguage.googleapis.com/v1beta').describe('Base URL of the Gemini API.'),
  OLLAMA_BASE_URL: z
    .string()
    .optional()
    .describe('Base URL of Ollama’s OpenAI-compatible API, for example http://127.0.0.1:11434/v1; handles `ollama/<model>`.'),
  LMSTUDIO_BASE_URL: z
    .string()
    .optional()
    .describe('Base URL of LM Studio, for example http://127.0.0.1:1234/v1; handles `lmstudio/<model>`.'),
  VLLM_BASE_URL: z.string().optional().describe('Base URL of vLLM, for example http://127.0.0.1:8000/v1; handles `vllm/<model>`.'),
  MODEL_TIMEOUT_SECONDS: z.coerce
    .number()
    .positive()
    .default(300)
    .describe('Longest silence of a model before the call counts as timed out, in seconds.'),
  PROVIDER_TRACE_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .default(7)
    .describe('Days for which the request and the response of every step are kept, for `GET /v1/steps/{id}/trace`; 0 keeps none.'),
  MCP_TIMEOUT_SECONDS: z.coerce
    .number()
    .positive()
    .default(60)
    .describe('Longest a call of an MCP tool may take, in seconds; connecting and listing tools take at most half of that.'),
  MAX_QUEUED_RUNS: z.coerce
    .number()
    .int()
    .positive()
    .default(100)
    .describe('Runs that may wait in one conversation; one more is answered 429.'),
})

export type Config = Readonly<z.output<typeof ConfigSchema>>

const parsed = new WeakMap<object, Config>()

/** The configuration of a deployment, read once. Throws a ZodError that names the variable when a value is wrong. */
export function configOf(env: Env): Config {
  let config = parsed.get(env)
  if (!config) {
    const set = Object.fromEntries(
      Object.keys(ConfigSchema.shape).flatMap((key) => (typeof env[key] === 'string' && env[key] !== '' ? [[key, env[key]]] : [])),
    )
    config = Object.freeze(ConfigSchema.parse(set))
    parsed.set(env, config)
  }
  return config
}

/** Secrets that a production deployment lacks. */
export const missingSecrets = (config: Config): string[] =>
  config.ENVIRONMENT === 'production' ? (['ADMIN_KEY', 'ENCRYPTION_KEY', 'WEBHOOK_SECRET'] as const).filter((name) => !config[name]) : []

/** What requests to addresses that a client gave may reach. `network` is a transport to public addresses only, where there is one. */
export const reachOf = (
  config: Pick<Config, 'EGRESS_ALLOW' | 'ENVIRONMENT'>,
  network?: Pick<Fetcher, 'fetch'>,
): Pick<EgressPolicy, 'allow' | 'production' | 'publicFetch'> => ({
  allow: config.EGRESS_ALLOW,
  production: config.ENVIRONMENT === 'production',
  publicFetch: network && ((url, init) => network.fetch(url, init)),
})
