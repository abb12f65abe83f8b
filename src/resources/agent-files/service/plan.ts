import type { Ctx } from '../../../context'
import { insertRows } from '../../../db/rows'
import { AppError, isAppError } from '../../../lib/errors'
import { newId } from '../../../lib/id'
import type { ToolRule } from '../../../runtime/tool-rules-schema'
import type { AgentCreate } from '../../agents/input'
import { baseToolRules, rulesWith, secretStatements, tagStatements } from '../../agents/service/parts'
import { isLegacy, newRow } from '../../agents/service/plan'
import type { AgentRow } from '../../agents/service/state'
import { agents } from '../../agents/table'
import { attachBlocks, newBlocks, writerOf } from '../../blocks/service'
import { filesAgents } from '../../files/table'
import { attachFolders } from '../../folders/attach'
import { foldersAgents } from '../../folders/table'
import { toolsForFirstFolder } from '../../tools/of-folders'
import { attachTools, defaultToolNames, resolveTools } from '../../tools/service'
import type { AgentFileInput, AgentInput } from '../input'
import type { ReadFile } from '../read-file'
import { planFolders, planGroups } from './folders'
import type { NewIds } from './ids'
import { planTools, type ToolPlan } from './tools'

/** What the form of an import says. */
export interface ImportOptions {
  suffix: string
  override_tools: boolean
  strip_messages: boolean
  name: string | null
  model: string | null
  embedding: string | null
  secrets: Record<string, string>
  project_id: string | null
}

/** Everything that an import writes to D1, in groups that are each one atomic batch. */
export interface Plan {
  batches: D1PreparedStatement[][]
  tools: ToolPlan
  /** Blocks that it makes, also those that agents of the file bring themselves. */
  blocks: string[]
  warnings: string[]
}

/** The rules that are about tools which the agent gets. */
function rulesFor(rules: ToolRule[], left: Set<string>): ToolRule[] {
  return rules
    .filter((rule) => !left.has(rule.tool_name))
    .map((rule) => ('children' in rule ? { ...rule, children: rule.children.filter((child) => !left.has(child)) } : rule))
    .filter((rule) => !('children' in rule) || rule.children.length > 0)
}

/** The secrets of an agent: the names of the file with the values of the form, and what the form has beyond the names of the file. */
function secretsFor(agent: AgentInput, file: AgentFileInput, given: Record<string, string>): Record<string, string> {
  const named = { ...agent.tool_exec_environment_variables, ...agent.secrets }
  const elsewhere = new Set(file.agents.flatMap((each) => Object.keys({ ...each.tool_exec_environment_variables, ...each.secrets })))
  const beyond = Object.fromEntries(Object.entries(given).filter(([key]) => !elsewhere.has(key)))
  return { ...Object.fromEntries(Object.entries(named).map(([key, value]) => [key, given[key] ?? value])), ...beyond }
}

/** The agent of a file as a request to create it. */
function createOf(agent: AgentInput, isFirst: boolean, options: ImportOptions): AgentCreate {
  const { tool_ids: _t, block_ids: _b, messages: _m, ...config } = agent
  const name = agent.name ?? undefined
  const model = options.model ? { model: options.model, llm_config: null } : {}
  const embedding = options.embedding ? { embedding: options.embedding, embedding_config: null } : {}
  return {
    ...(config as unknown as AgentCreate),
    ...model,
    ...embedding,
    name: (isFirst && options.name) || (name === undefined ? name : `${name.slice(0, 255 - options.suffix.length)}${options.suffix}`),
    project_id: options.project_id ?? agent.project_id,
    secrets: null,
    tool_exec_environment_variables: null,
  }
}

/** The columns of an agent; a fault of its model names the field. */
async function rowOf(ctx: Ctx, id: string, input: AgentCreate, field: string): Promise<Partial<AgentRow> & { agent_type: string }> {
  try {
    return await newRow(ctx, id, input)
  } catch (error) {
    if (!isAppError(error)) throw error
    const message = `${error.message} Send the field model with a handle of this server to import it with another model.`
    throw new AppError('invalid', `${field}: ${message}`, { code: 'unknown_model', errors: [{ field, message }] })
  }
}

/** The tools of an agent: those of its type when it asks for them, by name, and by id. */
async function toolsOf(ctx: Ctx, file: AgentFileInput, agent: AgentInput, plan: ToolPlan) {
  const base = agent.include_base_tools === false ? [] : defaultToolNames(agent.agent_type ?? 'letta_v1_agent')
  const byName = new Map(file.tools.flatMap((tool) => (plan.tools.has(tool.id) ? [[tool.name, plan.tools.get(tool.id)] as const] : [])))
  const names = [...base, ...(agent.tools ?? [])].filter((name) => !plan.left.has(name))
  const outside = agent.tool_ids.filter((id) => !file.tools.some((tool) => tool.id === id))
  const resolved = await resolveTools(ctx, { names: names.filter((name) => !byName.has(name)), ids: outside })
  const found = [
    ...names.flatMap((name) => byName.get(name) ?? []),
    ...agent.tool_ids.flatMap((id) => plan.tools.get(id) ?? []),
    ...resolved,
  ]
  return [...new Map(found.map((tool) => [tool.id, tool])).values()]
}

/** The folders of an agent that are not in the file: they are there already, and come with all their files. */
const foldersOutside = (agent: AgentInput, ids: NewIds): string[] =>
  [...new Set([...agent.source_ids, ...agent.folder_ids])].filter((source) => !ids.sources.has(source))

/** Folders and files of the file, as an agent has them. */
function folderStatements(ctx: Ctx, file: AgentFileInput, agent: AgentInput, id: string, ids: NewIds): D1PreparedStatement[] {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const files = new Map(file.files.map((each) => [each.id, each]))
  const ofFiles = agent.files_agents.flatMap(({ file_id }) => files.get(file_id)?.source_id ?? [])
  const named = [...agent.source_ids, ...agent.folder_ids].flatMap((source) => ids.sources.get(source) ?? [])
  const sources = [...new Set([...named, ...ofFiles.map((source) => ids.sources.get(source) ?? source)])]
  const attachments = [...new Map(agent.files_agents.map((each) => [each.file_id, each])).values()].map((each) => ({
    id: newId('fileAgent'),
    organization_id,
    agent_id: id,
    file_id: ids.files.get(each.file_id) as string,
    source_id: ids.sources.get(files.get(each.file_id)?.source_id ?? '') ?? (files.get(each.file_id)?.source_id as string),
    file_name: files.get(each.file_id)?.file_name ?? each.file_name ?? each.file_id,
    is_open: each.is_open,
    visible_content: each.visible_content,
    start_line: each.start_line,
    end_line: each.end_line,
    ...(each.last_accessed_at ? { last_accessed_at: each.last_accessed_at } : {}),
    created_by_id: user_id,
    last_updated_by_id: user_id,
  }))
  return [
    ...(sources.length > 0
      ? [
          ...toolsForFirstFolder(ctx, id, sources),
          insertRows(
            d1,
            foldersAgents,
            sources.map((source_id) => ({ agent_id: id, source_id })),
          ),
        ]
      : []),
    ...(attachments.length > 0
      ? [
          insertRows(d1, filesAgents, attachments),
          d1
            .prepare(
              'update files_agents set file_name = f.file_name from files f where f.id = file_id and agent_id = ?1 and f.file_name is not null',
            )
            .bind(id),
        ]
      : []),
  ]
}

async function planAgent(
  ctx: Ctx,
  read: ReadFile,
  i: number,
  ids: NewIds,
  tools: ToolPlan,
  options: ImportOptions & { keep_ids: boolean },
) {
  const { file } = read
  const agent = file.agents[i] as AgentInput
  const d1 = ctx.env.DB
  const { organization_id } = ctx.actor
  const id = ids.agents.get(agent.id) as string
  const input = createOf(agent, i === 0, options)
  const row = await rowOf(ctx, id, input, read.fieldOf(`agents.${i}.${agent.model ? 'model' : 'llm_config'}`))
  const attached = await toolsOf(ctx, file, agent, tools)
  const withBase = agent.include_base_tool_rules ?? (isLegacy(row.agent_type) && agent.include_base_tools !== false)
  row.tool_rules = rulesWith(
    [...rulesFor(agent.tool_rules ?? [], tools.left), ...(withBase ? baseToolRules(attached as never) : [])],
    attached,
  )
  const manages = file.groups.some(
    ({ manager_config: { manager_type, manager_agent_id } }) => manager_agent_id === agent.id && manager_type === 'sleeptime',
  )
  row.enable_sleeptime = manages ? true : null
  if (options.keep_ids && agent.created_at) row.created_at = new Date(agent.created_at).toISOString()
  const own = newBlocks(d1, writerOf(ctx), agent.memory_blocks ?? [])
  const outside = foldersOutside(agent, ids)
  const blocks = [...agent.block_ids.map((block) => ids.blocks.get(block) ?? block), ...own.rows.map((block) => block.id)]
  return {
    blocks: own.rows.map((block) => block.id),
    statements: [
      insertRows(d1, agents, [row]),
      ...own.statements,
      ...attachBlocks(d1, organization_id, id, blocks),
      ...attachTools(
        d1,
        organization_id,
        id,
        attached.map((tool) => tool.id),
      ),
      ...tagStatements(ctx, id, agent.tags ?? []),
      ...(await secretStatements(ctx, id, secretsFor(agent, file, options.secrets))),
      ...folderStatements(ctx, file, agent, id, ids),
      ...(outside.length > 0 ? toolsForFirstFolder(ctx, id, outside) : []),
      ...(await attachFolders(ctx, { ...row, id }, outside)),
    ],
  }
}

/** Everything that importing a file writes to D1. Nothing is written yet; what cannot be imported throws here. */
export async function planImport(ctx: Ctx, read: ReadFile, ids: NewIds, options: ImportOptions & { keep_ids: boolean }): Promise<Plan> {
  const { file } = read
  const tools = await planTools(ctx, file, options.override_tools)
  const blocks = newBlocks(
    ctx.env.DB,
    writerOf(ctx),
    file.blocks.map((block) => ({ ...block, id: ids.blocks.get(block.id) as string })),
  )
  const folders = await planFolders(ctx, file, ids, options.embedding)
  const planned = []
  for (const i of file.agents.keys()) planned.push(await planAgent(ctx, read, i, ids, tools, options))
  const rest = [...tools.statements, ...blocks.statements, ...planned.flatMap((agent) => agent.statements), ...planGroups(ctx, file, ids)]
  const batches = folders.large ? [...folders.batches, rest] : [[...folders.batches.flat(), ...rest]]
  return {
    batches: batches.filter((batch) => batch.length > 0),
    tools,
    blocks: [...blocks.rows.map((block) => block.id), ...planned.flatMap((agent) => agent.blocks)],
    warnings: tools.warnings,
  }
}
