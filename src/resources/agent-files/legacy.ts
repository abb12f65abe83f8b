type Loose = Record<string, unknown>

const isObject = (value: unknown): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value)

/** True for the older format: one agent, with its parts inside it. */
export const isLegacy = (file: unknown): file is Loose =>
  isObject(file) && !('agents' in file) && 'agent_type' in file && ('core_memory' in file || 'messages' in file)

const each = (list: unknown, as: (item: Loose, i: number) => unknown): unknown =>
  Array.isArray(list) ? list.map((item, i) => (isObject(item) ? as(item, i) : item)) : list

const idsOf = (list: unknown, kind: string): string[] => (Array.isArray(list) ? list.map((_, i) => `${kind}-${i}`) : [])

/** The same agent in the format of today. What is malformed stays so, for the schema to say. */
export function modernize(file: Loose): Loose {
  const { core_memory, messages, tools, tags, tool_exec_environment_variables, in_context_message_indices, metadata_, ...agent } = file
  const variables = Array.isArray(tool_exec_environment_variables)
    ? Object.fromEntries(tool_exec_environment_variables.map((each, i) => [String(each?.key ?? i), each?.value]))
    : tool_exec_environment_variables
  return {
    agents: [
      {
        ...agent,
        id: 'agent-0',
        metadata: metadata_,
        include_base_tools: false,
        include_base_tool_rules: false,
        block_ids: idsOf(core_memory, 'block'),
        tool_ids: idsOf(tools, 'tool'),
        tags: Array.isArray(tags) ? tags.map((each) => (isObject(each) ? each.tag : each)) : tags,
        tool_exec_environment_variables: variables,
        messages: each(messages, (message, i) => ({ ...message, id: `message-${i}` })),
        in_context_message_ids: Array.isArray(in_context_message_indices)
          ? in_context_message_indices.map((i) => `message-${i}`)
          : in_context_message_indices,
      },
    ],
    blocks: each(core_memory, ({ metadata_: metadata, ...block }, i) => ({ ...block, metadata, id: `block-${i}` })),
    tools: each(tools, (tool, i) => ({ ...tool, id: `tool-${i}` })),
  }
}

/** A field of the modernized file as the older file has it. */
export const legacyField = (field: string): string =>
  field
    .replace(/^agents\.0\.in_context_message_ids/, 'in_context_message_indices')
    .replace(/^agents\.0\.metadata/, 'metadata_')
    .replace(/^agents\.0\./, '')
    .replace(/^blocks\b/, 'core_memory')
