import type { ModelRequest } from './model'
import type { ToolRule } from './tool-rules-schema'

/** A call that was carried out in this turn, and the text that it returned. A history is a list of these, oldest first. */
export interface ToolUse {
  name: string
  output: string
}

type RuleOf<T extends ToolRule['type']> = Extract<ToolRule, { type: T }>

const rulesOf = <T extends ToolRule['type']>(rules: ToolRule[], type: T): RuleOf<T>[] =>
  rules.filter((rule): rule is RuleOf<T> => rule.type === type)

/** The rules without repetitions, in the order in which they first occur. */
export const uniqueRules = (rules: ToolRule[]): ToolRule[] => [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()]

/**
 * The tools that may be called next, in the order of `toolNames`. Rules that leave nothing are set aside, for they would end the
 * turn; a maximum count is not, so the result is empty when every tool is used up.
 */
export function allowedTools(rules: ToolRule[], toolNames: string[], history: ToolUse[]): string[] {
  const solved = solve(rules, toolNames, history)
  return solved.length > 0 ? solved : toolNames.filter((name) => !isUsedUp(rules, name, history))
}

/** Whether the model must call a tool now, and which one when only one is allowed. */
export function forcedChoice(rules: ToolRule[], toolNames: string[], history: ToolUse[]): ModelRequest['tool_choice'] {
  const [name, ...others] = solve(rules, toolNames, history)
  if (name === undefined || !forces(rules, history)) return { type: 'auto' }
  return others.length === 0 ? { type: 'tool', name } : { type: 'required' }
}

/** The required tools that the agent has and has not called yet: while there are any, the turn may not end. */
export const missingRequired = (rules: ToolRule[], toolNames: string[], history: ToolUse[]): string[] =>
  toolNames.filter((name) => rulesOf(rules, 'required_before_exit').some((rule) => rule.tool_name === name) && !called(history, name))

/** What follows the calls `names`, which `history` already contains: the turn stops when one of them is terminal and no required tool is missing. */
export function afterCall(
  rules: ToolRule[],
  toolNames: string[],
  history: ToolUse[],
  names: string[],
): { stop: boolean; missing: string[] } {
  const missing = missingRequired(rules, toolNames, history)
  return { stop: missing.length === 0 && rulesOf(rules, 'exit_loop').some((rule) => names.includes(rule.tool_name)), missing }
}

export const needsApproval = (rules: ToolRule[], name: string): boolean =>
  rulesOf(rules, 'requires_approval').some((rule) => rule.tool_name === name)

/** True when the model may make several calls at once: the order of calls is then no rule's business. */
export const allowsParallelCalls = (rules: ToolRule[]): boolean => rules.every((rule) => rule.type === 'requires_approval')

/** Arguments that the rules set for the next call of a tool, and the rules that set them; null when none does. */
export function prefilledArguments(
  rules: ToolRule[],
  history: ToolUse[],
  name: string,
): { args: Record<string, unknown>; source: string } | null {
  const last = history.at(-1)
  const found = last
    ? rulesOf(rules, 'constrain_child_tools')
        .filter((rule) => rule.tool_name === last.name)
        .flatMap((rule) => (rule.child_arg_nodes ?? []).filter((node) => node.name === name))
        .map((node) => ({ args: node.args, source: `constrain_child_tools(${last.name}→${name})` }))
    : rulesOf(rules, 'run_first')
        .filter((rule) => rule.tool_name === name)
        .map((rule) => ({ args: rule.args, source: `run_first(${name})` }))
  const given = found.filter((each) => each.args !== null)
  if (given.length === 0) return null
  return { args: Object.assign({}, ...given.map((each) => each.args)), source: [...new Set(given.map((each) => each.source))].join(', ') }
}

const called = (history: ToolUse[], name: string): boolean => history.some((use) => use.name === name)

const isUsedUp = (rules: ToolRule[], name: string, history: ToolUse[]): boolean =>
  rulesOf(rules, 'max_count_per_step').some(
    (rule) => rule.tool_name === name && history.filter((use) => use.name === name).length >= rule.max_count_limit,
  )

function forces(rules: ToolRule[], history: ToolUse[]): boolean {
  const last = history.at(-1)
  if (!last) return rulesOf(rules, 'run_first').length > 0
  const forcing = ['constrain_child_tools', 'conditional', 'parent_last_tool']
  return rules.some((rule) => rule.tool_name === last.name && forcing.includes(rule.type))
}

function solve(rules: ToolRule[], toolNames: string[], history: ToolUse[]): string[] {
  const usable = toolNames.filter((name) => !isUsedUp(rules, name, history))
  const last = history.at(-1)
  const first = rulesOf(rules, 'run_first').map((rule) => rule.tool_name)
  if (!last && first.length > 0) return usable.filter((name) => first.includes(name))
  const parents = rulesOf(rules, 'parent_last_tool')
  return usable.filter(
    (name) =>
      parentsAllow(parents, last, name) &&
      rules.every((rule) => {
        if (rule.tool_name !== last?.name) return true
        if (rule.type === 'constrain_child_tools') return rule.children.includes(name)
        if (rule.type === 'conditional') return conditionAllows(rule, last.output, name)
        return true
      }),
  )
}

/** A child may follow any of its parents; several parents of one child add up. */
function parentsAllow(parents: RuleOf<'parent_last_tool'>[], last: ToolUse | undefined, name: string): boolean {
  const concerned = parents.some((rule) => rule.tool_name === last?.name || rule.children.includes(name))
  return !concerned || parents.some((rule) => rule.tool_name === last?.name && rule.children.includes(name))
}

function conditionAllows(rule: RuleOf<'conditional'>, output: string, name: string): boolean {
  const entries = Object.entries(rule.child_output_mapping)
  const match = entries.find(([key]) => key === output) ?? entries.find(([key]) => sameOutput(key, output))
  const child = match?.[1] ?? rule.default_child
  return child === null ? !rule.require_output_mapping : child === name
}

const integer = /^[+-]?\d+$/
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** True when a mapping's key means the output: as the same text, truth value (`True` is `true`) or number (`1` is `1.0`). */
function sameOutput(key: string, output: string): boolean {
  const [a, b] = [key.trim(), output.trim()]
  if (a === b) return true
  const [x, y] = [a.toLowerCase(), b.toLowerCase()]
  if (x === 'true' || x === 'false') return x === y
  // Two integers are compared exactly: as floating point numbers, neighbours above 2^53 would be equal.
  if (integer.test(a) && integer.test(b)) return BigInt(a.replace('+', '')) === BigInt(b.replace('+', ''))
  return decimal.test(a) && decimal.test(b) && Number(a) === Number(b)
}
