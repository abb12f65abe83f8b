import { expect, it } from 'vitest'
import { lineNumberWarning } from '../../../src/memory/operations'
import { compileSections, compileSystem, type PromptInput } from '../../../src/runtime/prompt'
import { defaultSystemPrompts, stockDescriptions } from '../../../src/runtime/stock-prompts'
import type { ToolRule } from '../../../src/runtime/tool-rules-schema'

const input = (fields: Partial<PromptInput> = {}): PromptInput => ({
  system: 'You are an agent.',
  agent_id: 'agent-1',
  agent_type: 'letta_v1_agent',
  conversation_id: null,
  provider_type: 'openai',
  timezone: 'America/Los_Angeles',
  blocks: [
    { label: 'human', description: 'About the user', value: 'Likes 😀 <b>tea</b>\nand $& bread', limit: 100, read_only: false },
    { label: 'rules', description: null, value: '', limit: 50, read_only: true },
  ],
  tool_rules: [],
  previous_messages: 42,
  compiled_at: Date.UTC(2024, 0, 15, 17, 0, 0),
  ...fields,
})

const rule = (fields: Partial<ToolRule> & Pick<ToolRule, 'type' | 'tool_name'>) => ({ prompt_template: null, ...fields }) as ToolRule

const standard = `You are an agent.

<memory_blocks>
The following memory blocks are currently engaged in your core memory unit:

<human>
<description>
About the user
</description>
<metadata>
- chars_current=31
- chars_limit=100
</metadata>
<value>
Likes 😀 <b>tea</b>
and $& bread
</value>
</human>

<rules>
<description>

</description>
<metadata>
- read_only=true
- chars_current=0
- chars_limit=50
</metadata>
<value>

</value>
</rules>

</memory_blocks>

<memory_metadata>
- AGENT_ID: agent-1
- CONVERSATION_ID: default
- System prompt last recompiled: 2024-01-15 09:00:00 AM PST-0800
- 42 previous messages between you and the user are stored in recall memory
</memory_metadata>`

it('compiles blocks and metadata after the prompt', () => {
  expect(compileSystem(input())).toBe(standard)
})

it('puts the compiled part where the placeholder is', () => {
  const compiled = standard.replace('You are an agent.\n\n', () => '')
  expect(compileSystem(input({ system: 'Before {CORE_MEMORY} after' }))).toBe(`Before ${compiled} after`)
})

it('writes no memory section without blocks, and none for types that have no blocks', () => {
  expect(compileSections(input({ blocks: [] })).core_memory).toBe('')
  expect(compileSections(input({ agent_type: 'react_agent' })).core_memory).toBe('')
  expect(compileSystem(input({ blocks: [] }))).toMatch(/^You are an agent\.\n\n<memory_metadata>/)
})

it('numbers lines for the types that edit by line on Anthropic, and nowhere else', () => {
  const numbered = compileSections(input({ provider_type: 'anthropic' })).core_memory
  expect(numbered).toContain(
    `- chars_limit=100\n</metadata>\n<warning>\n${lineNumberWarning}\n</warning>\n<value>\n1→ Likes 😀 <b>tea</b>\n2→ and $& bread\n</value>`,
  )
  expect(numbered).toContain('</warning>\n<value>\n</value>\n</rules>')
  for (const fields of [{ provider_type: 'openai' }, { provider_type: 'anthropic', agent_type: 'memgpt_agent' }]) {
    expect(compileSections(input(fields)).core_memory).not.toContain('→')
  }
})

it('names the conversation and archival memory in the metadata', () => {
  const { metadata } = compileSections(input({ conversation_id: 'conv-1', archival_memories: 7, timezone: 'UTC' }))
  expect(metadata).toContain('- CONVERSATION_ID: conv-1\n- System prompt last recompiled: 2024-01-15 05:00:00 PM UTC+0000')
  expect(metadata).toContain('- 7 total memories you created are stored in archival memory (use tools to access them)')
})

it('tells the model of its tool rules, grouped by kind', () => {
  const tool_rules = [
    rule({ type: 'exit_loop', tool_name: 'say' }),
    rule({ type: 'required_before_exit', tool_name: 'save' }),
    rule({ type: 'parent_last_tool', tool_name: 'open', children: ['read', 'write'] }),
    rule({ type: 'max_count_per_step', tool_name: 'search', max_count_limit: 2 }),
    rule({ type: 'constrain_child_tools', tool_name: 'plan', children: ['do', 'ask'] }),
    rule({ type: 'conditional', tool_name: 'roll', child_output_mapping: {} }),
    rule({ type: 'continue_loop', tool_name: 'think' }),
    rule({ type: 'run_first', tool_name: 'think' }),
    rule({ type: 'requires_approval', tool_name: 'pay' }),
  ]
  const { tool_usage_rules } = compileSections(input({ tool_rules }))
  const sentences = [...tool_usage_rules.matchAll(/<tool_rule>\n(.*)\n<\/tool_rule>/g)].map((match) => match[1])
  expect(sentences).toEqual([
    'think requires continuing your response when called',
    'search: at most 2 use(s) per response',
    'After using plan, you must use one of these tools: do, ask',
    'roll will determine which tool to use next based on its output',
    'read, write can only be used after open',
    'say ends your response (yields control) when called',
    'save must be called before your response ends',
  ])
  expect(compileSystem(input({ tool_rules }))).toContain('</memory_blocks>\n\n<tool_usage_rules>\n')
  expect(compileSections(input({ tool_rules: [rule({ type: 'requires_approval', tool_name: 'pay' })] })).tool_usage_rules).toBe('')
})

it('has a stock prompt for every agent type, and stock descriptions for the customary blocks', () => {
  expect(Object.keys(defaultSystemPrompts).sort()).toEqual([
    'letta_v1_agent',
    'memgpt_agent',
    'memgpt_v2_agent',
    'react_agent',
    'sleeptime_agent',
    'split_thread_agent',
    'voice_convo_agent',
    'voice_sleeptime_agent',
    'workflow_agent',
  ])
  for (const prompt of Object.values(defaultSystemPrompts)) expect(prompt).toMatch(/^<base_instructions>\n.+\n<\/base_instructions>$/s)
  expect(Object.keys(stockDescriptions).sort()).toEqual(['human', 'persona'])
})

const handbook = {
  name: 'handbook',
  description: 'How we work',
  instructions: 'Read first',
  files: [
    { name: 'handbook/a.md', is_open: true, visible_content: '[Viewing file start (out of 1 lines)]\n1: 🦦 <b>', version: 1 },
    { name: 'handbook/b.md', is_open: false, visible_content: null, version: 1 },
  ],
}

it('folders stand between the tool rules and the metadata, with what is open of their files', () => {
  const bare = { name: 'bare', description: null, instructions: null, files: [] }
  const { directories } = compileSections(input({ folders: [handbook, bare], file_limits: { max_open: 5, view: 1_000 } }))
  expect(directories).toBe(`<directories>
<file_limits>
- current_files_open=1
- max_files_open=5
</file_limits>
<directory name="handbook">
<description>How we work</description>
<instructions>Read first</instructions>
<file status="open" name="handbook/a.md">
<metadata>
- read_only=true
- chars_current=46
- chars_limit=1000
</metadata>
<value>
[Viewing file start (out of 1 lines)]
1: 🦦 <b>
</value>
</file>
<file status="closed" name="handbook/b.md">
</file>
</directory>
<directory name="bare">
</directory>
</directories>`)
  const whole = compileSystem(
    input({ folders: [handbook], file_limits: { max_open: 5, view: 1_000 }, tool_rules: [rule({ type: 'exit_loop', tool_name: 'x' })] }),
  )
  expect(whole).toMatch(/<\/tool_usage_rules>\n\n<directories>.*<\/directories>\n\n<memory_metadata>/s)
})

it('an agent without folders is told nothing of files, and a react agent reads their names as labels', () => {
  expect(compileSections(input()).directories).toBe('')
  const { directories } = compileSections(
    input({ agent_type: 'react_agent', folders: [handbook], file_limits: { max_open: 5, view: 1_000 } }),
  )
  expect(directories).toContain('<file status="closed">\n<label>\nhandbook/b.md\n</label>\n</file>')
})
