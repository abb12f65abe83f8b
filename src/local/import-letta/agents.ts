import { ApiError, allRows, type Row } from './api.ts'
import { messagesFrom, partsOf, withoutLargeImages } from './messages.ts'
import { each, type Imported, importFile, isThere, keyOf, type Move, messageOf, sourceRows } from './move.ts'

/** An agent of the source with its conversations. */
export interface AgentToMove {
  state: Row
  conversations: Row[]
}

const relations = ['blocks', 'tools', 'tags', 'sources', 'secrets', 'identities', 'managed_group']

export const readAgent = (move: Move, id: string): Promise<Row> =>
  move.source.get(`/v1/agents/${id}`, {
    include: relations.map((each) => `agent.${each}`),
    include_relationships: relations,
  }) as Promise<Row>

export const idsIn = (rows: unknown): string[] => (Array.isArray(rows) ? rows.map((row) => row?.id).filter(Boolean) : [])

/** What of an agent's state a file says as it is. */
const kept = [
  'name',
  'description',
  'agent_type',
  'system',
  'metadata',
  'llm_config',
  'model',
  'model_settings',
  'embedding_config',
  'embedding',
  'compaction_settings',
  'response_format',
  'tool_rules',
  'tags',
  'timezone',
  'message_buffer_autoclear',
  'max_files_open',
  'per_file_view_window_char_limit',
  'hidden',
  'project_id',
  'created_at',
]

/** Names and values of an agent's secrets: some servers give the values, others do not. */
function secretsOf(move: Move, state: Row): Record<string, string> {
  const rows: Row[] = state.secrets?.length > 0 ? state.secrets : (state.tool_exec_environment_variables ?? [])
  for (const { key, value } of rows) if (!value) move.report.todo(`the secret ${key} of the agent '${state.name}'`)
  return Object.fromEntries(rows.map(({ key, value }) => [key, value ?? '']))
}

/** An agent as a file has it, referring to what was moved before it. */
function entryOf(move: Move, state: Row): Row {
  const moved = (kind: 'block' | 'folder', ids: string[]) => ids.flatMap((id) => move.state.target(kind, id) ?? [])
  const missing = idsIn(state.blocks).filter((id) => !move.state.target('block', id))
  if (missing.length > 0) throw new Error(`its blocks ${missing.join(', ')} could not be moved`)
  return {
    ...Object.fromEntries(kept.flatMap((key) => (state[key] === undefined ? [] : [[key, state[key]]]))),
    id: state.id,
    include_base_tools: false,
    include_base_tool_rules: false,
    block_ids: moved('block', idsIn(state.blocks)),
    tool_ids: idsIn(state.tools),
    source_ids: moved('folder', idsIn(state.sources)),
    tool_exec_environment_variables: secretsOf(move, state),
  }
}

/** The agent as the source exports it; null when it cannot. */
async function exportOf(move: Move, id: string): Promise<Row | null> {
  try {
    const { agents } = (await move.source.send('GET', `/v1/agents/${id}/export`, { tries: 2 })) as { agents?: Row[] }
    return agents?.[0] ?? null
  } catch (error) {
    if (error instanceof ApiError) return null
    throw error
  }
}

/** A history of the source: its messages, and the names of those in context. */
interface History {
  messages: Row[]
  context: string[]
}

/**
 * The history of an agent: as it is exported when the export has all that the list shows, since it tells more of each message. The
 * format's own server exports the beginning of a long history only; then it is as it is listed.
 */
async function historyOf(move: Move, state: Row, exported: Row | null): Promise<History> {
  const query = { conversation_id: 'default', order: 'asc', use_assistant_message: false }
  const listed = messagesFrom(await allRows(move.source, `/v1/agents/${state.id}/messages`, query))
  const whole = exported && exported.messages?.length >= listed.length
  const messages: Row[] = whole ? exported.messages : listed
  const context: string[] = (whole ? exported.in_context_message_ids : state.message_ids) ?? []
  const known = new Set(messages.map((message) => message.id))
  return { messages: fitting(move, `agent '${state.name}'`, messages), context: context.filter((id) => known.has(id)) }
}

function fitting(move: Move, of: string, messages: Row[]): Row[] {
  let images = 0
  const fit = messages.map((message) => {
    const { message: small, left } = withoutLargeImages(message)
    images += left
    return small
  })
  if (images > 0) move.report.skip(`${of}: ${images} images that are too large for a message`)
  return fit
}

/** Messages in one context of the target. */
const contextMost = 20_000

/** Sends parts of a history to a context of an agent; the last sets the context. Parts that arrived before change nothing. */
async function sendParts(move: Move, agent: string, conversation: string | null, parts: Row[][], context: string[]): Promise<void> {
  for (const [i, messages] of parts.entries()) {
    const last = i === parts.length - 1
    const in_context_message_ids = last ? context.slice(-contextMost) : []
    const json = { messages, conversation_id: conversation, in_context_message_ids, more: !last }
    await move.target.send('POST', `/v1/agents/${agent}/messages/import`, { json, key: keyOf('messages', agent, json) })
    move.report.moved('message', messages.length)
  }
}

/** Imports an agent with the first part of its history, with another model when its own is not served and one was named. */
async function importAgent(move: Move, entry: Row, tools: Row[]): Promise<Imported> {
  const parts = { agents: [entry], tools }
  try {
    return await importFile(move, 'agent', entry.id, parts)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'unknown_model') throw error
    const { fallbackModel } = move.options
    if (!fallbackModel) throw new Error(`${messageOf(error)} (or name one with --fallback-model)`)
    move.report.todo(
      `the model of the agent '${entry.name}', which was ${entry.model ?? entry.llm_config?.handle} and is ${fallbackModel} now`,
    )
    return importFile(move, 'agent', entry.id, parts, { model: fallbackModel })
  }
}

/** The blocks of a conversation that are its own copies, by label. */
async function isolatedOf(move: Move, conversation: Row): Promise<Row[]> {
  const found: Row[] = []
  for (const id of conversation.isolated_block_ids ?? []) found.push((await move.source.get(`/v1/blocks/${id}`)) as Row)
  return found
}

async function moveConversation(move: Move, agent: string, row: Row): Promise<string> {
  const { source, target, state } = move
  const whole = (await source.get(`/v1/conversations/${row.id}`)) as Row
  const isolated = await isolatedOf(move, whole)
  const { summary = null, description = null, model = null, model_settings = null, context_window_limit = null, hidden = null } = whole
  const json = {
    summary,
    description,
    model,
    model_settings,
    context_window_limit,
    hidden,
    isolated_block_labels: isolated.map(({ label }) => label),
  }
  let made = state.target('conversation', row.id)
  if (!made) {
    const key = keyOf('conversation', row.id, agent)
    made = ((await target.send('POST', '/v1/conversations/', { query: { agent_id: agent }, json, key })) as Row).id as string
    state.begin('conversation', row.id, made)
  }
  const { isolated_block_ids = [] } = (await target.get(`/v1/conversations/${made}`)) as Row
  for (const id of isolated_block_ids as string[]) {
    const copy = (await target.get(`/v1/blocks/${id}`)) as Row
    const original = isolated.find(({ label }) => label === copy.label)
    if (original && original.value !== copy.value) await target.send('PATCH', `/v1/blocks/${id}`, { json: { value: original.value } })
  }
  const rows = await allRows(source, `/v1/conversations/${row.id}/messages`, { order: 'asc', use_assistant_message: false })
  // The conversation has a system message of its own.
  const messages = fitting(move, `conversation ${row.id}`, messagesFrom(rows)).filter((message) => message.role !== 'system')
  const known = new Set(messages.map((message) => message.id))
  const context = ((whole.in_context_message_ids ?? [...known]) as string[]).filter((id) => known.has(id))
  if (messages.length > 0) await sendParts(move, agent, made, partsOf(messages), context)
  const { archived = null, last_message_at = null } = whole
  if (archived || last_message_at) await target.send('PATCH', `/v1/conversations/${made}`, { json: { archived, last_message_at } })
  return made
}

/** Makes the agent, or finds what an earlier run made of it, and answers with its id at the target. */
async function makeAgent(move: Move, from: Row): Promise<string> {
  const { state, report } = move
  const begun = state.target('agent', from.id)
  const exported = await exportOf(move, from.id)
  const { messages, context } = await historyOf(move, from, exported)
  const [first = [], ...rest] = partsOf(messages)
  const system = first[0]?.role === 'system' ? [first[0].id] : []
  const inFirst = rest.length === 0 ? context : system
  let made = begun
  if (!made) {
    // A state shows the settings of its model with all defaults; an export has those that were set.
    const settings = exported ? { model_settings: exported.model_settings ?? null } : {}
    const entry = { ...entryOf(move, from), ...settings, messages: first, in_context_message_ids: inFirst }
    // Noted before it is made, so that a run that is cut off here finds what it made and completes it.
    const known = state.isBegun('agent', from.id) && (await isThere(move, `/v1/agents/${from.id}`))
    if (!known) {
      state.begin('agent', from.id)
      const { agent_ids, warnings } = await importAgent(move, entry, from.tools ?? [])
      for (const warning of warnings) report.skip(`agent '${from.name}': ${warning}`)
      made = agent_ids[0] as string
      report.moved('message', first.length)
    } else made = from.id as string
    state.begin('agent', from.id, made)
  }
  const parts = begun ? [first, ...rest].filter((part) => part.length > 0) : rest
  await sendParts(move, made, null, parts, context)
  for (const identity of from.identity_ids?.length > 0 ? from.identity_ids : idsIn(from.identities)) {
    const target = state.target('identity', identity)
    if (target) await move.target.send('PATCH', `/v1/agents/${made}/identities/attach/${target}`)
  }
  return made
}

/** Moves agents with their histories and conversations. */
export async function moveAgents(move: Move, agents: AgentToMove[]): Promise<void> {
  const { state, report, options } = move
  const byId = new Map(agents.map((agent) => [agent.state.id, agent]))
  await each(
    move,
    'agent',
    agents.map((agent) => agent.state),
    async (row) => {
      if (!state.isBegun('agent', row.id) && (await isThere(move, `/v1/agents/${row.id}`))) {
        report.skip(`agent '${row.name}' (${row.id}): the target has an agent of this id, which was left as it is`)
        return null
      }
      const made = await makeAgent(move, row)
      for (const conversation of byId.get(row.id)?.conversations ?? []) {
        if (state.isDone('conversation', conversation.id)) continue
        state.finish('conversation', conversation.id, await moveConversation(move, made, conversation))
        report.moved('conversation')
      }
      return made
    },
  )
  if (options.dryRun)
    report.moved(
      'conversation',
      agents.reduce((sum, { conversations }) => sum + conversations.length, 0),
    )
}

/** Moves the groups whose agents were all moved. */
export async function moveGroups(move: Move): Promise<void> {
  const { state, report, options } = move
  const rows = await sourceRows(move, 'Groups', '/v1/groups/')
  const movable = rows.filter((row) => {
    const members: string[] = [...(row.agent_ids ?? []), ...(row.manager_agent_id ? [row.manager_agent_id] : [])]
    const whole = options.dryRun || members.every((id) => state.isDone('agent', id))
    if (!whole && options.agents.length === 0) report.skip(`group ${row.id}: not all of its agents were moved`)
    return whole
  })
  await each(move, 'group', movable, async (row) => {
    const { id, description, hidden, manager_type, agent_ids, shared_block_ids = [], ...config } = row
    const agent = (one: string) => state.target('agent', one) as string
    const group = {
      id,
      description,
      hidden,
      agent_ids: (agent_ids as string[]).map(agent),
      shared_block_ids: (shared_block_ids as string[]).flatMap((block) => state.target('block', block) ?? []),
      manager_config: { ...config, manager_type, manager_agent_id: row.manager_agent_id ? agent(row.manager_agent_id) : null },
    }
    return (await importFile(move, 'group', id, { groups: [group] })).ids[id] ?? null
  })
}
