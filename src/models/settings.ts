import type { JSONObject, LanguageModelV4CallOptions, LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import type { ModelRequest } from '../runtime/model'
import { type Dialect, prompt } from './convert'
import { reasons } from './providers'
import { strictSchema } from './strict'

/** Key of the options of OpenAI-compatible servers: the name under which their provider is made. */
export const compatibleName = 'compatible'

/** What the conversion must know of the model that is called. */
export interface Target {
  handle: string
  name: string
  dialect: Dialect
}

type Fields = Record<string, unknown>
type Options = Record<string, JSONObject>

const number = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})
const without = (object: Record<string, unknown>): JSONObject =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JSONObject

/** A response format of the API (`text`, `json_object`, `json_schema`) as the AI SDK's, and whether its schema binds. */
function responseFormat(request: ModelRequest): { format: LanguageModelV4CallOptions['responseFormat']; strict: boolean } {
  const given = fields(request.response_format ?? request.settings.response_format ?? request.settings.response_schema)
  if (given.type === 'json_object') return { format: { type: 'json' }, strict: false }
  if (given.type !== 'json_schema') return { format: undefined, strict: false }
  const outer = fields(given.json_schema)
  const schema = 'schema' in outer ? fields(outer.schema) : outer
  const format = { type: 'json' as const, schema, name: text(outer.name), description: text(outer.description) }
  return { format, strict: outer.strict === true }
}

/** Extended thinking is refused together with a forced tool, and in a tool loop that did not begin with thoughts that can be shown again. */
function thinkingAllowed(request: ModelRequest, target: Target): boolean {
  if (request.tool_choice.type !== 'auto' && request.tools.length > 0) return false
  const last = request.messages.findLastIndex((message) => message.role === 'user')
  const first = request.messages.slice(last + 1).find((message) => message.tool_calls.length > 0)
  return !first || (first.model === target.handle && first.content.some((part) => part.type.includes('reasoning')))
}

function thinkingOf(request: ModelRequest, target: Target): JSONObject | undefined {
  const given = fields(request.settings.thinking)
  const allowed = thinkingAllowed(request, target)
  if (given.type === 'adaptive' && allowed) return { type: 'adaptive', display: 'summarized' }
  if (given.type === 'enabled' && allowed) return { type: 'enabled', budgetTokens: Math.max(1024, number(given.budget_tokens) ?? 1024) }
  // Some models think unless told otherwise; those that never do need not be told.
  return text(given.type) !== undefined && reasons(target.name) ? { type: 'disabled' } : undefined
}

function anthropicOptions(request: ModelRequest, target: Target): Options {
  const serial = request.tools.length > 0 && request.settings.parallel_tool_calls === false
  return {
    anthropic: without({
      includePings: true,
      disableParallelToolUse: serial ? true : undefined,
      effort: text(request.settings.effort),
      thinking: thinkingOf(request, target),
    }),
  }
}

function googleOptions(request: ModelRequest, target: Target): Options {
  const thinking = fields(request.settings.thinking_config)
  const given = without({
    thinkingBudget: number(thinking.thinking_budget),
    includeThoughts: typeof thinking.include_thoughts === 'boolean' ? thinking.include_thoughts : undefined,
  })
  return Object.keys(given).length > 0 && reasons(target.name) ? { google: { thinkingConfig: given } } : {}
}

/** `minimal` is what every agent has by default, so other servers than OpenAI's are not told of it unless the model is known to take it. */
function effort(request: ModelRequest, target: Target): string | undefined {
  const asked = text(fields(request.settings.reasoning).reasoning_effort)
  if (target.dialect === 'openai-chat' || target.dialect === 'openai-responses') return reasons(target.name) ? asked : undefined
  return asked === 'minimal' && !reasons(target.name) ? undefined : asked
}

function providerOptions(request: ModelRequest, target: Target, strictFormat: boolean): Options {
  const { settings, tools } = request
  const serial = tools.length > 0 && settings.parallel_tool_calls === false
  const reasoningEffort = effort(request, target)
  switch (target.dialect) {
    case 'anthropic':
      return anthropicOptions(request, target)
    case 'google':
      return googleOptions(request, target)
    case 'workers-ai':
      return { 'workers-ai': without({ reasoning_effort: reasoningEffort === 'minimal' ? 'low' : reasoningEffort }) }
    case 'compatible': {
      const parallel_tool_calls = serial ? false : undefined
      const strictJsonSchema = strictFormat
      return {
        [compatibleName]: without({ reasoningEffort, textVerbosity: text(settings.verbosity), strictJsonSchema, parallel_tool_calls }),
      }
    }
    default:
      return {
        openai: without({
          reasoningEffort,
          textVerbosity: text(settings.verbosity),
          parallelToolCalls: serial ? false : undefined,
          strictJsonSchema: strictFormat,
          // Nothing is kept at the provider: encrypted reasoning travels with the history instead.
          store: target.dialect === 'openai-responses' ? false : undefined,
        }),
      }
  }
}

/** True when the settings ask for strict tool calling and the protocol has it. */
export const isStrict = (request: ModelRequest, dialect: Dialect): boolean =>
  request.settings.strict === true && (dialect === 'openai-chat' || dialect === 'openai-responses' || dialect === 'compatible')

function functionTools(request: ModelRequest, dialect: Dialect): LanguageModelV4FunctionTool[] {
  return request.tools.map((tool, index) => {
    const strict = isStrict(request, dialect) ? strictSchema(tool.parameters) : null
    const cached = dialect === 'anthropic' && index === request.tools.length - 1
    return {
      type: 'function',
      name: tool.name,
      inputSchema: strict ?? tool.parameters,
      ...(tool.description ? { description: tool.description } : {}),
      ...(strict ? { strict: true } : {}),
      ...(cached ? { providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } } } : {}),
    }
  })
}

function toolChoice(choice: ModelRequest['tool_choice']): LanguageModelV4CallOptions['toolChoice'] {
  return choice.type === 'tool' ? { type: 'tool', toolName: choice.name } : { type: choice.type }
}

/** A model request in the AI SDK's terms. Settings that the protocol does not know are left out; limits are only sent when set. */
export function callOptions(request: ModelRequest, target: Target): LanguageModelV4CallOptions {
  const { format, strict } = responseFormat(request)
  const tools = functionTools(request, target.dialect)
  const limit = number(request.settings.max_output_tokens)
  return {
    prompt: prompt(request, target),
    providerOptions: providerOptions(request, target, strict),
    ...(limit !== undefined && limit > 0 ? { maxOutputTokens: limit } : {}),
    ...(number(request.settings.temperature) !== undefined ? { temperature: number(request.settings.temperature) } : {}),
    ...(format ? { responseFormat: format } : {}),
    ...(tools.length > 0 ? { tools, toolChoice: toolChoice(request.tool_choice) } : {}),
  }
}
