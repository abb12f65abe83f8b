import fc from 'fast-check'
import { expect, it } from 'vitest'
import { prefillError, prefillProblem } from '../../../src/runtime/prefill'
import { constraintError } from '../../../src/runtime/tool-rule-text'
import {
  afterCall,
  allowedTools,
  allowsParallelCalls,
  forcedChoice,
  missingRequired,
  needsApproval,
  prefilledArguments,
  type ToolUse,
  uniqueRules,
} from '../../../src/runtime/tool-rules'
import { ToolRule } from '../../../src/runtime/tool-rules-schema'

const names = ['a', 'b', 'c', 'd']
const rules = (...list: object[]): ToolRule[] => list.map((each) => ToolRule.parse(each))
const used = (...list: (string | [string, string])[]): ToolUse[] =>
  list.map((each) => (typeof each === 'string' ? { name: each, output: '' } : { name: each[0], output: each[1] }))

const tool_name = fc.constantFrom(...names)
const children = fc.uniqueArray(tool_name)
const anyRule: fc.Arbitrary<ToolRule> = fc
  .oneof(
    fc.record({ type: fc.constantFrom('run_first', 'exit_loop', 'continue_loop', 'required_before_exit', 'requires_approval'), tool_name }),
    fc.record({ type: fc.constantFrom('constrain_child_tools', 'parent_last_tool'), tool_name, children }),
    fc.record({ type: fc.constant('max_count_per_step'), tool_name, max_count_limit: fc.nat(3) }),
    fc.record({
      type: fc.constant('conditional'),
      tool_name,
      child_output_mapping: fc.dictionary(fc.constantFrom('true', '1', 'x'), tool_name),
      default_child: fc.option(tool_name),
      require_output_mapping: fc.boolean(),
    }),
  )
  .map((rule) => ToolRule.parse(rule))
const anyRules = fc.array(anyRule, { maxLength: 6 })
const anyHistory = fc.array(fc.record({ name: tool_name, output: fc.constantFrom('True', '1.0', 'x', '') }), { maxLength: 5 })

it('without rules every tool is allowed and nothing is forced', () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      expect(allowedTools([], names, history)).toEqual(names)
      expect(forcedChoice([], names, history)).toEqual({ type: 'auto' })
      expect(afterCall([], names, history, names)).toEqual({ stop: false, missing: [] })
    }),
  )
})

it('allows only tools that the agent has, and forces only what it allows', () => {
  fc.assert(
    fc.property(anyRules, anyHistory, fc.subarray(names), (list, history, has) => {
      const allowed = allowedTools(list, has, history)
      expect(has).toEqual(expect.arrayContaining(allowed))
      const choice = forcedChoice(list, has, history)
      if (choice.type === 'tool') expect(allowed).toEqual([choice.name])
      if (choice.type === 'required') expect(allowed.length).toBeGreaterThan(1)
    }),
    { numRuns: 1000 },
  )
})

it('a loop that calls what is allowed never exceeds a maximum count', () => {
  fc.assert(
    fc.property(anyRules, fc.array(fc.nat(), { maxLength: 20 }), (list, picks) => {
      const history: ToolUse[] = []
      for (const pick of picks) {
        const allowed = allowedTools(list, names, history)
        if (allowed.length > 0) history.push({ name: allowed[pick % allowed.length]!, output: '' })
      }
      for (const rule of list) {
        if (rule.type !== 'max_count_per_step') continue
        expect(history.filter((use) => use.name === rule.tool_name).length).toBeLessThanOrEqual(rule.max_count_limit)
      }
    }),
  )
})

it('never stops while a required tool is missing', () => {
  fc.assert(
    fc.property(anyRules, anyHistory, fc.subarray(names), (list, history, called) => {
      const { stop, missing } = afterCall(list, names, history, called)
      expect(missing).toEqual(missingRequired(list, names, history))
      if (stop) expect(missing).toEqual([])
    }),
  )
})

it('starts with a tool that runs first, and forces it', () => {
  const list = rules({ type: 'run_first', tool_name: 'b' })
  expect(allowedTools(list, names, [])).toEqual(['b'])
  expect(forcedChoice(list, names, [])).toEqual({ type: 'tool', name: 'b' })
  expect(forcedChoice([...list, ...rules({ type: 'run_first', tool_name: 'c' })], names, [])).toEqual({ type: 'required' })
  expect(allowedTools(list, names, used('b'))).toEqual(names)
  expect(forcedChoice(list, names, used('b'))).toEqual({ type: 'auto' })
})

it('ignores a first tool that the agent does not have', () => {
  const list = rules({ type: 'run_first', tool_name: 'gone' })
  expect(allowedTools(list, names, [])).toEqual(names)
  expect(forcedChoice(list, names, [])).toEqual({ type: 'auto' })
})

it('allows only the children after their tool', () => {
  const list = rules({ type: 'constrain_child_tools', tool_name: 'a', children: ['b', 'c'] })
  expect(allowedTools(list, names, [])).toEqual(names)
  expect(allowedTools(list, names, used('a'))).toEqual(['b', 'c'])
  expect(forcedChoice(list, names, used('a'))).toEqual({ type: 'required' })
  expect(allowedTools(list, names, used('a', 'b'))).toEqual(names)
})

it('allows the children of a parent right after it and nowhere else', () => {
  const list = rules({ type: 'parent_last_tool', tool_name: 'a', children: ['b'] })
  expect(allowedTools(list, names, [])).toEqual(['a', 'c', 'd'])
  expect(allowedTools(list, names, used('a'))).toEqual(['b'])
  expect(forcedChoice(list, names, used('a'))).toEqual({ type: 'tool', name: 'b' })
  expect(allowedTools(list, names, used('a', 'b'))).toEqual(['a', 'c', 'd'])
})

it('allows a child after any of several parents', () => {
  const list = rules(
    { type: 'parent_last_tool', tool_name: 'a', children: ['b'] },
    { type: 'parent_last_tool', tool_name: 'c', children: ['b'] },
  )
  expect(allowedTools(list, names, used('a'))).toEqual(['b'])
  expect(allowedTools(list, names, used('c'))).toEqual(['b'])
  expect(allowedTools(list, names, used('d'))).toEqual(['a', 'c', 'd'])
})

it.each([
  ['true', 'True', true],
  ['True', 'true', true],
  ['false', 'true', false],
  ['1', '1.0', true],
  ['1', ' 1\n', true],
  ['0.5', '.5', true],
  ['9007199254740993', '9007199254740992', false],
  ['+7', '7', true],
  ['yes', 'yes', true],
  ['yes', 'Yes', false],
  ['', '0', false],
  ['0x10', '16', false],
])('a key %j and an output %j: the same is %s', (key, output, same) => {
  const list = rules({ type: 'conditional', tool_name: 'a', child_output_mapping: { [key]: 'b' }, default_child: 'c' })
  expect(allowedTools(list, names, used(['a', output]))).toEqual([same ? 'b' : 'c'])
})

it('prefers the key that is the output itself', () => {
  const list = rules({ type: 'conditional', tool_name: 'a', child_output_mapping: { '1': 'b', '1.0': 'c' } })
  expect(allowedTools(list, names, used(['a', '1.0']))).toEqual(['c'])
})

it('leaves the choice free when no output matches and none is required to', () => {
  const mapping = { type: 'conditional', tool_name: 'a', child_output_mapping: { x: 'b' } }
  expect(allowedTools(rules(mapping), names, used(['a', 'y']))).toEqual(names)
  const strict = rules({ ...mapping, require_output_mapping: true })
  expect(allowedTools(strict, names, used(['a', 'y']))).toEqual(names)
  expect(forcedChoice(strict, names, used(['a', 'y']))).toEqual({ type: 'auto' })
})

it('allows a tool as often as its maximum says, even when nothing else is left', () => {
  const list = rules({ type: 'max_count_per_step', tool_name: 'a', max_count_limit: 2 })
  expect(allowedTools(list, names, used('a'))).toEqual(names)
  expect(allowedTools(list, names, used('a', 'a'))).toEqual(['b', 'c', 'd'])
  expect(allowedTools(list, ['a'], used('a', 'a'))).toEqual([])
})

it('stops after a terminal tool, unless a required one is missing', () => {
  const list = rules({ type: 'exit_loop', tool_name: 'a' }, { type: 'required_before_exit', tool_name: 'b' })
  expect(afterCall(list, names, used('a'), ['a'])).toEqual({ stop: false, missing: ['b'] })
  expect(afterCall(list, names, used('b', 'a'), ['a'])).toEqual({ stop: true, missing: [] })
  expect(afterCall(list, names, used('b'), ['b'])).toEqual({ stop: false, missing: [] })
  expect(missingRequired(list, ['a'], [])).toEqual([])
})

it('knows which calls wait for approval, and that other rules forbid parallel calls', () => {
  const list = rules({ type: 'requires_approval', tool_name: 'a' })
  expect([needsApproval(list, 'a'), needsApproval(list, 'b'), allowsParallelCalls(list)]).toEqual([true, false, true])
  expect(allowsParallelCalls(rules({ type: 'exit_loop', tool_name: 'a' }))).toBe(false)
})

it('fills in the arguments that a rule sets for the next call', () => {
  const list = rules(
    { type: 'run_first', tool_name: 'a', args: { x: 1 } },
    {
      type: 'constrain_child_tools',
      tool_name: 'a',
      children: ['b', 'c'],
      child_arg_nodes: [{ name: 'b', args: { y: 2 } }, { name: 'c' }],
    },
  )
  expect(prefilledArguments(list, [], 'a')).toEqual({ args: { x: 1 }, source: 'run_first(a)' })
  expect(prefilledArguments(list, used('a'), 'b')).toEqual({ args: { y: 2 }, source: 'constrain_child_tools(a→b)' })
  expect(prefilledArguments(list, used('a'), 'c')).toBe(null)
  expect(prefilledArguments(list, used('a', 'b'), 'a')).toBe(null)
})

it('checks arguments of a rule against the schema of the tool', () => {
  const parameters = { properties: { x: { type: 'integer' }, y: { type: ['string', 'null'], enum: ['p', null] }, z: {} } }
  expect(prefillProblem({ x: 1, y: null, z: [] }, parameters)).toBe(null)
  expect(prefillProblem({ x: 1.5 }, parameters)).toBe("parameter 'x' must be of type integer")
  expect(prefillProblem({ y: 'q' }, parameters)).toBe('parameter \'y\' must be one of ["p",null]')
  expect(prefillProblem({ toString: 1 }, parameters)).toBe("unknown parameter 'toString'")
  expect(prefillError('run_first(a)', 'unknown parameter')).toBe(
    'Invalid prefilled tool arguments from tool rules (source=run_first(a)): unknown parameter.',
  )
})

it('tells the model which tools are valid and which rule it broke', () => {
  const list = rules({ type: 'constrain_child_tools', tool_name: 'a', children: ['b', 'c'] }, { type: 'exit_loop', tool_name: 'd' })
  expect(constraintError(list, names, used('a'), 'a')).toBe(
    "[ToolConstraintError] Cannot call a, valid tools include: ['b', 'c'].\nHint: After using a, you must use one of these tools: b, c.",
  )
})

it('drops repeated rules, tolerates unknown keys, and names the key of a bad rule', () => {
  const rule = { type: 'exit_loop', tool_name: 'a', extra: 1 }
  expect(uniqueRules(rules(rule, rule, { ...rule, tool_name: 'b' }))).toEqual([
    { type: 'exit_loop', tool_name: 'a', prompt_template: null },
    { type: 'exit_loop', tool_name: 'b', prompt_template: null },
  ])
  expect(ToolRule.safeParse({ type: 'max_count_per_step', tool_name: 'a' }).error?.issues[0]?.path).toEqual(['max_count_limit'])
})
