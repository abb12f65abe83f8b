import type { Model, ModelRequest } from './model'
import { packReturn } from './packaging'
import type { TurnPorts, TurnRun } from './ports'
import { repair, truncateReturns } from './repair'
import { skillsText } from './skills'
import { allowedTools, forcedChoice, type ToolUse } from './tool-rules'
import type { AgentConfig, Message, ToolReturn } from './types'

/** Bytes that count as one token where no tokenizer is at hand. */
export const bytesPerToken = 4
/** The share of the context window that a request may fill, leaving room for the response. */
const fill = 0.9

const utf8 = new TextEncoder()

/** Tokens of a text, by estimate. */
export const estimateTokens = (text: string): number => Math.ceil(utf8.encode(text).length / bytesPerToken)

/** The calls that were carried out with what they returned: what tool rules look at. */
export const usesOf = (returns: ToolReturn[]): ToolUse[] =>
  returns.filter((r) => !r.refused).map(({ name, content }) => ({ name, output: content }))

/** The tool uses of the turn so far. */
export const toolUses = (messages: Message[]): ToolUse[] => messages.flatMap((message) => usesOf(message.tool_returns))

/** Model settings that bind this request: the agent's own, unless another model was asked for. */
const settingsOf = (run: TurnRun, config: AgentConfig) => (run.request.override_model ? {} : (config.model_settings ?? {}))

/** Skills of the client are told to the model with this request and stored nowhere. */
const withSkills = (system: string, { request }: TurnRun): string =>
  [system, skillsText(request.client_skills)].filter(Boolean).join('\n\n')

/**
 * What the model is sent: the system message, as many of the newest messages as fit `share` of the window, repaired, and the tools
 * that the rules allow now. Returns null when the system message alone fills the window.
 */
export function buildRequest(
  run: TurnRun,
  config: AgentConfig,
  model: Model,
  ports: Pick<TurnPorts, 'journal'>,
  share = 1,
): ModelRequest | null {
  const system = run.request.override_system ?? withSkills(ports.journal.system(run, config), run)
  const uses = toolUses(ports.journal.ofRun(run.id))
  const names = config.tools.map((tool) => tool.name)
  const allowed = allowedTools(config.tool_rules, names, uses)
  const tools = config.tools
    .filter((tool) => allowed.includes(tool.name))
    .map(({ name, description, parameters }) => ({ name, description, parameters }))
  const window = Math.min(model.context_window, config.context_window)
  const used = estimateTokens(system) + estimateTokens(JSON.stringify(tools))
  if (estimateTokens(system) >= window) return null
  const budget = Math.max(0, Math.floor((window * fill - used) * share)) * bytesPerToken
  const history = truncateReturns(repair(ports.journal.history(run.conversation_id, budget)), window)
  const messages = history.map((message) => ({
    ...message,
    tool_returns: message.tool_returns.map((r) => ({ ...r, content: packReturn(r, Date.parse(message.created_at), config.timezone) })),
  }))
  return {
    system,
    messages,
    tools,
    tool_choice: tools.length > 0 ? forcedChoice(config.tool_rules, names, uses) : { type: 'auto' },
    settings: settingsOf(run, config),
    response_format: config.response_format,
  }
}
