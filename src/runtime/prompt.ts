import { agentTime, type Millis } from '../lib/time'
import { codePoints, lineNumberWarning } from '../memory/operations'
import { ruleSentences } from './tool-rule-text'
import type { ToolRule } from './tool-rules-schema'
import type { AgentConfig, Block, Folder } from './types'

/** What a system message is made of. */
export interface PromptInput {
  /** The agent's own prompt; `{CORE_MEMORY}` in it marks where the compiled part goes, the end when it is missing. */
  system: string
  agent_id: string
  agent_type: string
  conversation_id: string | null
  /** Kind of the model's provider, such as `openai` or `anthropic`. */
  provider_type: string
  timezone: string
  /** In prompt order. */
  blocks: Pick<Block, 'label' | 'description' | 'value' | 'limit' | 'read_only'>[]
  tool_rules: ToolRule[]
  folders?: Folder[]
  file_limits?: AgentConfig['file_limits']
  /** Messages of the agent that are not in context. */
  previous_messages: number
  /** Passages in archival memory. */
  archival_memories?: number
  compiled_at: Millis
}

/** The parts of a system message, each empty when there is nothing to say. */
export interface PromptSections {
  system: string
  core_memory: string
  tool_usage_rules: string
  directories: string
  metadata: string
}

export const coreMemoryPlaceholder = '{CORE_MEMORY}'

/** The text of an agent's system message. Values go in as they are: nothing is escaped. */
export function compileSystem(input: PromptInput): string {
  const { system, core_memory, tool_usage_rules, directories, metadata } = compileSections(input)
  const compiled = [core_memory, tool_usage_rules, directories, metadata].filter(Boolean).join('\n\n')
  if (system.includes(coreMemoryPlaceholder)) return system.split(coreMemoryPlaceholder).join(compiled)
  return system === '' ? compiled : `${system}\n\n${compiled}`
}

export const compileSections = (input: PromptInput): PromptSections => ({
  system: input.system,
  core_memory: memoryBlocks(input),
  tool_usage_rules: toolUsageRules(input.tool_rules),
  directories: directories(input),
  metadata: memoryMetadata(input),
})

const numberedTypes = ['letta_v1_agent', 'memgpt_v2_agent', 'sleeptime_agent']
const typesWithoutBlocks = ['react_agent', 'workflow_agent']

function memoryBlocks(input: PromptInput): string {
  if (input.blocks.length === 0 || typesWithoutBlocks.includes(input.agent_type)) return ''
  const numbered = input.provider_type === 'anthropic' && numberedTypes.includes(input.agent_type)
  return [
    '<memory_blocks>',
    'The following memory blocks are currently engaged in your core memory unit:',
    ...input.blocks.map((block) => `\n${memoryBlock(block, numbered)}`),
    '\n</memory_blocks>',
  ].join('\n')
}

function memoryBlock(block: PromptInput['blocks'][number], numbered: boolean): string {
  const lines = numbered ? (block.value === '' ? [] : block.value.split('\n').map((line, i) => `${i + 1}→ ${line}`)) : [block.value]
  return [
    `<${block.label}>`,
    '<description>',
    block.description ?? '',
    '</description>',
    '<metadata>',
    ...(block.read_only ? ['- read_only=true'] : []),
    `- chars_current=${codePoints(block.value)}`,
    `- chars_limit=${block.limit}`,
    '</metadata>',
    ...(numbered ? ['<warning>', lineNumberWarning, '</warning>'] : []),
    '<value>',
    ...lines,
    '</value>',
    `</${block.label}>`,
  ].join('\n')
}

function toolUsageRules(rules: ToolRule[]): string {
  const sentences = ruleSentences(rules)
  if (sentences.length === 0) return ''
  return [
    '<tool_usage_rules>',
    'These rules say when your tools may be called. A call that breaks one is refused. One response may hold several tool calls.',
    '',
    ...sentences.map((text) => `<tool_rule>\n${text}\n</tool_rule>`),
    '</tool_usage_rules>',
  ].join('\n')
}

function directories({ agent_type, folders = [], file_limits = { max_open: 0, view: 0 } }: PromptInput): string {
  if (folders.length === 0) return ''
  const open = folders.flatMap((folder) => folder.files).filter((file) => file.is_open).length
  const named = !typesWithoutBlocks.includes(agent_type)
  return [
    '<directories>',
    '<file_limits>',
    `- current_files_open=${open}`,
    `- max_files_open=${file_limits.max_open}`,
    '</file_limits>',
    ...folders.flatMap((folder) => [
      `<directory name="${folder.name}">`,
      ...(folder.description ? [`<description>${folder.description}</description>`] : []),
      ...(folder.instructions ? [`<instructions>${folder.instructions}</instructions>`] : []),
      ...folder.files.flatMap((file) => directoryFile(file, named, file_limits.view)),
      '</directory>',
    ]),
    '</directories>',
  ].join('\n')
}

function directoryFile({ name, is_open, visible_content }: Folder['files'][number], named: boolean, limit: number): string[] {
  const status = is_open ? 'open' : 'closed'
  const value = visible_content ?? ''
  return [
    named ? `<file status="${status}" name="${name}">` : `<file status="${status}">`,
    ...(named ? [] : ['<label>', name, '</label>']),
    ...(is_open
      ? [
          '<metadata>',
          '- read_only=true',
          `- chars_current=${codePoints(value)}`,
          `- chars_limit=${limit}`,
          '</metadata>',
          '<value>',
          value,
          '</value>',
        ]
      : []),
    '</file>',
  ]
}

function memoryMetadata(input: PromptInput): string {
  const archival = input.archival_memories ?? 0
  return [
    '<memory_metadata>',
    `- AGENT_ID: ${input.agent_id}`,
    `- CONVERSATION_ID: ${input.conversation_id ?? 'default'}`,
    `- System prompt last recompiled: ${agentTime(input.compiled_at, input.timezone)}`,
    `- ${input.previous_messages} previous messages between you and the user are stored in recall memory`,
    ...(archival > 0 ? [`- ${archival} total memories you created are stored in archival memory (use tools to access them)`] : []),
    '</memory_metadata>',
  ].join('\n')
}
