import { z } from 'zod'
import { depthOf, maxDepth } from '../../lib/depth'
import { AppError } from '../../lib/errors'
import { idPattern } from '../../lib/id'
import { AgentFileInput } from './input'
import { MessageInput } from './input-message'
import { isLegacy, legacyField, modernize } from './legacy'

/** Something wrong in a file, by the path of the field. */
export interface Fault {
  field: string
  message: string
}

const faultsShown = 50

const refuse = (faults: Fault[]): AppError => {
  const shown = faults.slice(0, faultsShown)
  const more = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : ''
  return new AppError('invalid', `${shown.map((fault) => `${fault.field}: ${fault.message}`).join('; ')}${more}`, { errors: shown })
}

/** Throws a 422 that names every fault, unless there is none. */
export function assertNone(faults: Fault[], rename: (field: string) => string = (field) => field): void {
  if (faults.length > 0) throw refuse(faults.map((fault) => ({ ...fault, field: rename(fault.field) })))
}

function parseJson(text: string): unknown {
  if (depthOf(text) > maxDepth) throw new AppError('invalid', `file: is nested deeper than ${maxDepth} levels.`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new AppError('bad_request', `The agent file is not JSON: ${(error as Error).message}. Send a file that an export made.`)
  }
}

/** The JSON of a file. Some tools write it as a JSON string of JSON. Throws 400 when it is none. */
function parse(text: string): unknown {
  const value = parseJson(text.replace(/^\uFEFF/, ''))
  return typeof value === 'string' ? parseJson(value) : value
}

const faultOf = (issue: z.core.$ZodIssue): Fault => ({ field: issue.path.join('.') || 'file', message: issue.message })

/** Ids that a list gives twice. */
function repeated(list: { id: string }[], path: string): Fault[] {
  const seen = new Set<string>()
  return list.flatMap(({ id }, i) => {
    if (seen.has(id)) return [{ field: `${path}.${i}.id`, message: `'${id}' is the id of two of ${path.split('.').at(-1)}` }]
    seen.add(id)
    return []
  })
}

/** References of a file to rows that are there already: full ids that the file does not define. */
export interface Outside {
  agents: Set<string>
  blocks: Set<string>
  sources: Set<string>
  tools: Set<string>
}

type Collection = keyof Outside
const kinds = { agents: 'agent', blocks: 'block', sources: 'source', tools: 'tool' } as const

/** A reader of references: what it cannot find in the file is a fault, or outside when it is a full id. */
class References {
  readonly faults: Fault[] = []
  readonly outside: Outside = { agents: new Set(), blocks: new Set(), sources: new Set(), tools: new Set() }
  /** Where each outside id was named first. */
  readonly places = new Map<string, string>()
  readonly #ids: Record<string, Set<string>>

  constructor(file: AgentFileInput) {
    const collect = (list: { id: string }[]) => new Set(list.map((each) => each.id))
    const { agents, blocks, sources, tools, files, groups } = file
    this.#ids = {
      agents: collect(agents),
      blocks: collect(blocks),
      sources: collect(sources),
      tools: collect(tools),
      files: collect(files),
      groups: collect(groups),
    }
  }

  to(collection: Collection | 'files' | 'groups', id: string, field: string): void {
    if (this.#ids[collection]?.has(id)) return
    if (collection in kinds && idPattern(kinds[collection as Collection]).test(id)) {
      this.outside[collection as Collection].add(id)
      if (!this.places.has(id)) this.places.set(id, field)
    } else this.faults.push({ field, message: `'${id}' is not in ${collection}` })
  }

  all(collection: Collection | 'groups', ids: string[], field: string): void {
    for (const [i, id] of ids.entries()) this.to(collection, id, `${field}.${i}`)
  }
}

function checkAgents(file: AgentFileInput, references: References): void {
  const labels = new Map(file.blocks.map((block) => [block.id, block.label]))
  for (const [i, agent] of file.agents.entries()) {
    const at = `agents.${i}`
    references.all('tools', agent.tool_ids, `${at}.tool_ids`)
    references.all('blocks', agent.block_ids, `${at}.block_ids`)
    references.all('sources', agent.source_ids, `${at}.source_ids`)
    references.all('sources', agent.folder_ids, `${at}.folder_ids`)
    references.all('groups', agent.group_ids, `${at}.group_ids`)
    for (const [j, { file_id }] of agent.files_agents.entries()) references.to('files', file_id, `${at}.files_agents.${j}.file_id`)
    const messages = new Set(agent.messages.map((message) => message.id))
    for (const [j, id] of agent.in_context_message_ids.entries())
      if (!messages.has(id))
        references.faults.push({ field: `${at}.in_context_message_ids.${j}`, message: `'${id}' is not in the messages of the agent` })
    const own = [...agent.block_ids.map((id) => labels.get(id)), ...(agent.memory_blocks ?? []).map((block) => block.label)]
    for (const [j, label] of own.entries())
      if (label !== undefined && own.indexOf(label) < j)
        references.faults.push({
          field: `${at}.block_ids.${j}`,
          message: `a second block labelled '${label}'; labels are unique within an agent`,
        })
    references.faults.push(...repeated(agent.messages, `${at}.messages`))
  }
}

function checkRest(file: AgentFileInput, references: References): void {
  for (const [i, { source_id }] of file.files.entries()) references.to('sources', source_id, `files.${i}.source_id`)
  for (const [i, group] of file.groups.entries()) {
    references.all('agents', group.agent_ids, `groups.${i}.agent_ids`)
    references.all('blocks', group.shared_block_ids, `groups.${i}.shared_block_ids`)
    const manager = group.manager_config.manager_agent_id
    if (manager !== null) references.to('agents', manager, `groups.${i}.manager_config.manager_agent_id`)
  }
  for (const path of ['agents', 'groups', 'blocks', 'files', 'sources', 'tools', 'mcp_servers'] as const)
    references.faults.push(...repeated(file[path], path))
}

/** An agent file that was read: valid in itself, with what it refers to outside of itself. */
export interface ReadFile {
  file: AgentFileInput
  outside: Outside
  /** The field in which an outside id was named. */
  placeOf(id: string): string
  /** A field as the file that was sent calls it. */
  fieldOf(field: string): string
}

/**
 * Reads an agent file of either format. Throws 400 for what is no JSON, 422 naming every field that is wrong, and every reference that
 * leads nowhere. Nothing is read from the database.
 */
export function readFile(text: string): ReadFile {
  const raw = parse(text)
  const legacy = isLegacy(raw)
  const fieldOf = legacy ? legacyField : (field: string) => field
  const parsed = AgentFileInput.safeParse(legacy ? modernize(raw) : raw)
  if (!parsed.success) {
    assertNone(parsed.error.issues.map(faultOf), fieldOf)
    throw new AppError('invalid', 'The agent file could not be read.')
  }
  const references = new References(parsed.data)
  checkAgents(parsed.data, references)
  checkRest(parsed.data, references)
  assertNone(references.faults, fieldOf)
  return { file: parsed.data, outside: references.outside, placeOf: (id) => references.places.get(id) ?? 'file', fieldOf }
}

/** The messages of a request, in the form of the agent file. Throws 422 naming every field that is wrong. */
export function readMessageInputs(raw: unknown): MessageInput[] {
  const parsed = z.object({ messages: z.array(MessageInput) }).safeParse({ messages: raw })
  if (!parsed.success) {
    assertNone(parsed.error.issues.map(faultOf))
    return []
  }
  const { messages } = parsed.data
  assertNone(repeated(messages, 'messages'))
  return messages
}
