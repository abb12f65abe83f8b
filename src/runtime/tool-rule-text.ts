import { allowedTools, type ToolUse } from './tool-rules'
import type { ToolRule } from './tool-rules-schema'

/** The sentence that tells a model of a rule, or null for rules that it need not know. */
function sentence(rule: ToolRule): string | null {
  const tool = rule.tool_name
  switch (rule.type) {
    case 'continue_loop':
      return `${tool} requires continuing your response when called`
    case 'constrain_child_tools':
      return `After using ${tool}, you must use one of these tools: ${rule.children.join(', ')}`
    case 'conditional':
      return `${tool} will determine which tool to use next based on its output`
    case 'max_count_per_step':
      return `${tool}: at most ${rule.max_count_limit} use(s) per response`
    case 'parent_last_tool':
      return `${rule.children.join(', ')} can only be used after ${tool}`
    case 'exit_loop':
      return `${tool} ends your response (yields control) when called`
    case 'required_before_exit':
      return `${tool} must be called before your response ends`
    case 'run_first':
    case 'requires_approval':
      return null
  }
}

const order: ToolRule['type'][][] = [
  ['continue_loop'],
  ['constrain_child_tools', 'conditional', 'max_count_per_step'],
  ['parent_last_tool'],
  ['exit_loop'],
  ['required_before_exit'],
]

/** The rules as sentences for the model, grouped as prompts list them, without repetitions. */
export const ruleSentences = (rules: ToolRule[]): string[] => [
  ...new Set(
    order.flatMap((types) =>
      rules
        .filter((rule) => types.includes(rule.type))
        .map(sentence)
        .filter((text) => text !== null),
    ),
  ),
]

/** What the model reads when it called a tool that the rules do not allow now. */
export function constraintError(rules: ToolRule[], toolNames: string[], history: ToolUse[], name: string): string {
  const valid = allowedTools(rules, toolNames, history)
    .map((each) => `'${each}'`)
    .join(', ')
  const last = history.at(-1)?.name
  const hints = ruleSentences(
    rules.filter(
      (rule) => rule.tool_name === name || rule.tool_name === last || (rule.type === 'parent_last_tool' && rule.children.includes(name)),
    ),
  )
  return [`[ToolConstraintError] Cannot call ${name}, valid tools include: [${valid}].`, ...hints.map((hint) => `Hint: ${hint}.`)].join(
    '\n',
  )
}
