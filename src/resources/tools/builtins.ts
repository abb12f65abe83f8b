/** A tool that every organization has. Its code is in the server; the row only makes it attachable. */
export interface BuiltinToolDefinition {
  name: string
  description: string
  tool_type: 'letta_core' | 'letta_memory_core' | 'letta_sleeptime_core' | 'letta_files_core'
  tags: string[]
  enable_parallel_execution: boolean
  json_schema: { name: string; description: string; parameters: Record<string, unknown> }
}

type Property = {
  type: string
  description: string
  enum?: string[]
  items?: Record<string, unknown>
  minItems?: number
  minimum?: number
  maximum?: number
}
const text = (description: string): Property => ({ type: 'string', description })

function define(
  tool_type: BuiltinToolDefinition['tool_type'],
  name: string,
  description: string,
  properties: Record<string, Property>,
  options: { optional?: string[]; parallel?: boolean } = {},
): BuiltinToolDefinition {
  const required = Object.keys(properties).filter((key) => !options.optional?.includes(key))
  return {
    name,
    description,
    tool_type,
    tags: [tool_type],
    enable_parallel_execution: options.parallel ?? false,
    json_schema: { name, description, parameters: { type: 'object', properties, required } },
  }
}

const label = text('Label of the memory block to edit.')
const roles: Property = {
  type: 'array',
  items: { type: 'string', enum: ['user', 'assistant', 'tool'] },
  description: 'Whose messages to search. Default: user and assistant.',
}

const tags = (description: string): Property => ({ type: 'array', items: { type: 'string' }, description })

export const builtinTools: readonly BuiltinToolDefinition[] = [
  define('letta_core', 'send_message', 'Sends a message to the user. Only what is sent with this tool is shown to them.', {
    message: text('The message, in the language of the user. Any Unicode, emoji included.'),
  }),
  define(
    'letta_core',
    'conversation_search',
    'Searches what was said in earlier messages by words and by meaning, in all your conversations or in this one, also what is no longer in your context. Without a query it shows the most recent messages.',
    {
      query: text('What to look for. Leave it out to see the most recent messages.'),
      roles,
      limit: { type: 'integer', minimum: 1, maximum: 100, description: 'How many messages to show at most. Default: 5.' },
      start_date: text('Only messages from this ISO 8601 date or time on, such as 2024-01-15 or 2024-01-15T14:30:00.'),
      end_date: text('Only messages up to this ISO 8601 date (its whole day) or time.'),
      conversation: {
        ...text('Where to search: in all your conversations, or in the current one, in which you call this tool. Default: all.'),
        enum: ['all', 'current'],
      },
    },
    { optional: ['query', 'roles', 'limit', 'start_date', 'end_date', 'conversation'], parallel: true },
  ),
  define(
    'letta_core',
    'archival_memory_insert',
    'Stores text in long-term memory for good. Use it for facts and events that are too much for your memory blocks. Write each so that it can be understood by itself: it is found again by its words and by its meaning.',
    {
      content: text('The text to store. Any Unicode, emoji included.'),
      tags: tags('Short words by which to narrow a later search down, such as "meetings" or "project-x".'),
    },
    { optional: ['tags'] },
  ),
  define(
    'letta_core',
    'archival_memory_search',
    'Searches what you have stored in long-term memory. Finds passages by their words and by their meaning, the best match first.',
    {
      query: text('What to look for: a question, or words that it may hold.'),
      tags: tags('Only what was stored with these tags.'),
      tag_match_mode: { ...text('Whether a passage needs any of the tags, or all. Default: any.'), enum: ['any', 'all'] },
      top_k: { type: 'integer', minimum: 1, maximum: 100, description: 'How many passages to show at most. Default: 5.' },
      start_datetime: text('Only passages from this ISO 8601 date or time on, such as 2024-01-15 or 2024-01-15T14:30:00.'),
      end_datetime: text('Only passages up to this ISO 8601 date (its whole day) or time.'),
    },
    { optional: ['tags', 'tag_match_mode', 'top_k', 'start_datetime', 'end_datetime'], parallel: true },
  ),
  define(
    'letta_sleeptime_core',
    'memory_insert',
    'Inserts text into a memory block at a line, or at its end. Use it to add a fact and leave the rest as it is.',
    {
      label,
      new_string: text('The text to insert. Never include the line numbers of the display.'),
      insert_line: { type: 'integer', description: 'Line after which the text goes: 0 for the top, -1 for the end. Default: -1.' },
    },
    { optional: ['insert_line'] },
  ),
  define(
    'letta_sleeptime_core',
    'memory_replace',
    'Replaces one passage of a memory block by another. Use it to correct or refine what the block says.',
    {
      label,
      old_string: text(
        'The passage to replace, exactly as it stands in the block. It must occur exactly once; include its surroundings to make it unique.',
      ),
      new_string: text('What takes its place. Empty text removes the passage.'),
    },
  ),
  define(
    'letta_sleeptime_core',
    'memory_rethink',
    'Rewrites a whole memory block. Use it to reorganise or condense a block; for small edits use memory_replace or memory_insert.',
    { label, new_memory: text('The whole new value. What you leave out is no longer in the block.') },
  ),
  define('letta_memory_core', 'core_memory_append', 'Adds a line to the end of a memory block.', {
    label,
    content: text('The text to add. Any Unicode, emoji included.'),
  }),
  define('letta_memory_core', 'core_memory_replace', 'Replaces text in a memory block, wherever it occurs.', {
    label,
    old_content: text('The text to replace, exactly as it stands in the block.'),
    new_content: text('What takes its place. Empty text removes it.'),
  }),
  define(
    'letta_files_core',
    'open_files',
    'Opens files of your folders, or moves the view of files that are open: your next prompt shows their lines. Only so many files can be open at once; those that you used least recently are closed for new ones. Ask for a part of a long file by offset and length: a view shows a limited number of characters.',
    {
      file_requests: {
        type: 'array',
        minItems: 1,
        description: 'The files to open, each once.',
        items: {
          type: 'object',
          properties: {
            file_name: text('The name of the file as your folders show it, such as "handbook/holidays.md".'),
            offset: {
              type: 'integer',
              minimum: 0,
              description: 'How many lines to leave out before the first that is shown: to begin at line 51, say 50. Default: 0.',
            },
            length: { type: 'integer', minimum: 1, description: 'How many lines to show. Default: to the end of the file.' },
          },
          required: ['file_name'],
        },
      },
      close_all_others: { type: 'boolean', description: 'Whether to close every other file. Default: false.' },
    },
    { optional: ['close_all_others'] },
  ),
  define(
    'letta_files_core',
    'grep_files',
    'Searches the files of your folders, open or not, line by line for a regular expression, and shows the lines that match with their numbers, 20 at a time. Use it for exact words, names and numbers; for questions of meaning use semantic_search_files.',
    {
      pattern: text(
        'A regular expression in the syntax of RE2, at most 1000 characters; upper and lower case are equal. There are no lookaheads, lookbehinds or backreferences.',
      ),
      include: text('Which files to search: a glob such as "*.md" or "handbook/**", or a regular expression. Default: all.'),
      context_lines: { type: 'integer', minimum: 0, maximum: 10, description: 'How many lines to show around each match. Default: 1.' },
      offset: { type: 'integer', minimum: 0, description: 'How many matches to leave out, to see the next page. Default: 0.' },
    },
    { optional: ['include', 'context_lines', 'offset'], parallel: true },
  ),
  define(
    'letta_files_core',
    'semantic_search_files',
    'Searches the files of your folders, open or not, for passages about something, by meaning and by words. Use it when you do not know how a thing is put; for exact text use grep_files.',
    {
      query: text('What to look for, as a question or in words that the passage may hold.'),
      limit: { type: 'integer', minimum: 1, maximum: 50, description: 'How many passages to show at most. Default: 5.' },
    },
    { optional: ['limit'], parallel: true },
  ),
]

/** The tools that come with the first folder of an agent and go with its last. */
export const fileToolNames = builtinTools.flatMap(({ tool_type, name }) => (tool_type === 'letta_files_core' ? [name] : []))

const byName = new Map(builtinTools.map((tool) => [tool.name, tool]))

export const isBuiltinName = (name: string): boolean => byName.has(name)

const plain = ['conversation_search', 'memory_replace', 'memory_insert']
const legacy = ['send_message', 'conversation_search', 'core_memory_append', 'core_memory_replace']

const defaults: Record<string, string[]> = {
  letta_v1_agent: plain,
  memgpt_v2_agent: ['send_message', ...plain],
  memgpt_agent: legacy,
  split_thread_agent: legacy,
  sleeptime_agent: ['memory_replace', 'memory_insert', 'memory_rethink'],
  voice_convo_agent: ['send_message'],
  voice_sleeptime_agent: [],
  react_agent: [],
  workflow_agent: [],
}

/** Names of the tools that an agent of a type gets unless it is created with `include_base_tools: false`. */
export function defaultToolNames(agentType: string, options: { enable_sleeptime?: boolean | null } = {}): string[] {
  const names = defaults[agentType] ?? []
  // The memory of a legacy agent with sleeptime is kept by its sleeptime agent.
  if (options.enable_sleeptime && names === legacy) return ['send_message', 'conversation_search', 'archival_memory_search']
  return [...names]
}
