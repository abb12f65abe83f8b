import { AppError } from '../lib/errors'
import type { Protocol } from './brands'

/** A model that a server says it has. */
export interface Surveyed {
  name: string
  display_name: string
  model_type: 'llm' | 'embedding'
  /** Tokens; null when the server does not say. */
  context_window: number | null
}

/** A server that is asked for its models. */
export interface Surveyable {
  protocol: Protocol
  base_url: string
  api_key: string | null
  key_path?: string | null
}

/** Makes a GET request. Throws when there is no answer. */
export type Get = (url: string, headers: Record<string, string>) => Promise<{ status: number; body: string }>

type Fields = Record<string, unknown>
const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const string = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : [])

/** Names of models that neither chat nor embed. */
const others =
  /(^|[^a-z])(whisper|tts|dall-e|\w*moderation|rerank\w*|transcribe|realtime|audio|images?|imagen|veo|lyria|sora|babbage|davinci|ocr)([^a-z]|$)/i
const embeds = /embed|minilm|(^|[^a-z])(bge|e5|gte)-/i

const windowFields = ['max_model_len', 'context_length', 'max_context_length', 'context_window', 'inputTokenLimit', 'max_input_tokens']

/** One entry of a list of models, whoever made it; nothing for a model of another purpose. */
function readEntry(entry: Fields): Surveyed[] {
  const name = string(entry.id) ?? string(entry.name)?.replace(/^models\//, '')
  if (!name || others.test(name)) return []
  const methods = Array.isArray(entry.supportedGenerationMethods) ? entry.supportedGenerationMethods : null
  if (methods && !methods.includes('generateContent') && !methods.includes('embedContent')) return []
  const isEmbedding = entry.type === 'embedding' || entry.type === 'embeddings' || embeds.test(name)
  // Each kind of server tells the window in a field of its own.
  const window = windowFields.map((field) => entry[field]).find((value) => typeof value === 'number' && value > 0)
  return [
    {
      name,
      display_name: string(entry.display_name) ?? string(entry.displayName) ?? name,
      model_type: isEmbedding ? 'embedding' : 'llm',
      context_window: typeof window === 'number' ? window : null,
    },
  ]
}

function headersOf({ protocol, api_key }: Surveyable): Record<string, string> {
  const accept = 'application/json'
  if (protocol === 'anthropic') return { accept, 'x-api-key': api_key ?? '', 'anthropic-version': '2023-06-01' }
  if (!api_key) return { accept }
  return protocol === 'google_ai' ? { accept, 'x-goog-api-key': api_key } : { accept, authorization: `Bearer ${api_key}` }
}

const limits: Record<Protocol, string> = { anthropic: '?limit=1000', google_ai: '?pageSize=1000', openai: '', compatible: '' }

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}

/** What a server said went wrong, in at most 300 characters and without the key. */
function words(body: string, key: string | null): string {
  const value = parsed(body)
  const error = isRecord(value) ? (value.error ?? value) : null
  const said = string(error) ?? (isRecord(error) ? string(error.message) : null) ?? body
  const clean = key && key.length >= 8 ? said.replaceAll(key, '[key]') : said
  return clean.trim() === '' ? '' : `: ${clean.trim().slice(0, 300)}`
}

/** Why a server refuses, by its answer. */
function refusal({ base_url, api_key }: Surveyable, status: number, body: string): AppError {
  const said = `${base_url} answered ${status}${words(body, api_key)}`
  if (status === 401 || status === 403 || (status === 400 && /api[ _]key/i.test(body)))
    return new AppError('llm_authentication', `The key was refused: ${said}`)
  if (status === 402) return new AppError('llm_insufficient_credits', said)
  if (status === 429) return new AppError('llm_rate_limit', said)
  return new AppError('provider_unreachable', `The provider cannot be used: ${said}. Check base_url.`)
}

/**
 * Asks a server what models it has: null when it does not tell anyone. Throws an AppError that says in the server's words, without the
 * key, why it refused: `llm_authentication` for a bad key, `provider_unreachable` when what answers is no such server.
 */
export async function surveyModels(server: Surveyable, get: Get): Promise<Surveyed[] | null> {
  const headers = headersOf(server)
  const base = server.base_url.replace(/\/+$/, '')
  if (server.key_path) {
    const key = await get(base + server.key_path, headers)
    if (key.status !== 200) throw refusal(server, key.status, key.body)
  }
  const { status, body } = await get(`${base}/models${limits[server.protocol]}`, headers)
  if (status === 404 || status === 405 || status === 501) return null
  if (status !== 200) throw refusal(server, status, body)
  const value = parsed(body)
  const entries = Array.isArray(value) ? value : isRecord(value) ? (value.data ?? value.models) : null
  if (!Array.isArray(entries))
    throw new AppError('provider_unreachable', `The provider cannot be used: ${base}/models is no list of models. Check base_url.`)
  const models = list(entries).flatMap(readEntry)
  return [...new Map(models.map((model) => [model.name, model])).values()]
}
