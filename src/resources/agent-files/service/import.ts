import { eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { explained } from '../../../db/errors'
import { statement } from '../../../db/statement'
import { AppError } from '../../../lib/errors'
import { agentObject } from '../../agents/object'
import { tools } from '../../tools/table'
import type { AgentFileInput } from '../input'
import { assertNone, type Fault, type ReadFile, readFile } from '../read-file'
import type { Imported, ImportForm } from '../schema'
import { historyOf, storeHistory } from './history'
import { assertFree, assignIds, type NewIds } from './ids'
import { type Plan, planImport } from './plan'

const tableOf = { agents: 'agents', blocks: 'block', sources: 'sources', tools: 'tools' } as const

/** Throws 422 naming the field of each full id that is neither in the file nor a row of the organization. */
async function assertOutside(ctx: Ctx, { outside, placeOf, fieldOf }: ReadFile): Promise<void> {
  const wanted = (Object.keys(tableOf) as (keyof typeof tableOf)[]).filter((collection) => outside[collection].size > 0)
  if (wanted.length === 0) return
  const d1 = ctx.env.DB
  const found = await d1.batch<{ id: string }>(
    wanted.map((collection) =>
      d1
        .prepare(
          `select id from ${tableOf[collection]} where id in (select value from json_each(?1)) and +organization_id = ?2 and is_deleted = 0`,
        )
        .bind(JSON.stringify([...outside[collection]]), ctx.actor.organization_id),
    ),
  )
  const known = new Set(found.flatMap(({ results }) => results.map(({ id }) => id)))
  const faults = wanted.flatMap((collection): Fault[] =>
    [...outside[collection]]
      .filter((id) => !known.has(id))
      .map((id) => ({ field: placeOf(id), message: `'${id}' is neither in ${collection} nor one of yours` })),
  )
  assertNone(faults, fieldOf)
}

/** Takes back what an import made: nothing of it stays, and tools that it changed are as they were. Only batches that were written count. */
async function discard(ctx: Ctx, ids: NewIds, plan: Plan, written: number): Promise<void> {
  const d1 = ctx.env.DB
  const folders: [table: string, ids: Iterable<string>][] = [
    ['files', ids.files.values()],
    ['sources', ids.sources.values()],
  ]
  const all: typeof folders = [
    ['groups', ids.groups.values()],
    ['agents', ids.agents.values()],
    ['block', plan.blocks],
    ...folders,
    ['tools', plan.tools.made],
    ['mcp_server', plan.tools.madeServers],
  ]
  const complete = written === plan.batches.length
  if (complete) for (const id of ids.agents.values()) await agentObject(ctx, id).destroy()
  const gone = (complete ? all : folders).map(([table, rows]) =>
    d1
      .prepare(`delete from ${table} where id in (select value from json_each(?1)) and organization_id = ?2`)
      .bind(JSON.stringify([...rows]), ctx.actor.organization_id),
  )
  const changed = complete ? plan.tools.changed : []
  await d1.batch([...gone, ...changed.map(({ id, ...before }) => statement(d1, ctx.db.update(tools).set(before).where(eq(tools.id, id))))])
}

/** Gives each agent its messages. What an interrupted try stored already is left as it is. */
async function storeHistories(ctx: Ctx, file: AgentFileInput, ids: NewIds, strip: boolean): Promise<void> {
  for (const agent of file.agents) {
    const agent_id = ids.agents.get(agent.id) as string
    if (strip || agent.messages.length === 0) {
      await agentObject(ctx, agent_id).open(null)
      continue
    }
    // A file that names no context means the whole history.
    const context = agent.in_context_message_ids.length > 0 ? agent.in_context_message_ids : agent.messages.map((message) => message.id)
    const history = await historyOf({ agent_id, conversation_id: null }, agent.messages, context, (id) => ids.groups.get(id) ?? null)
    await storeHistory(ctx, agent_id, null, history)
  }
}

/** Whether a first try of this request wrote its rows. */
async function isWritten(ctx: Ctx, ids: NewIds): Promise<boolean> {
  if (!ctx.once?.again) return false
  const [agent] = ids.agents.values()
  const [block] = ids.blocks.values()
  const [table, id] = agent ? ['agents', agent] : ['block', block]
  if (!id) return false
  const query = `select 1 from ${table} where id = ?1 and organization_id = ?2`
  return (await ctx.env.DB.prepare(query).bind(id, ctx.actor.organization_id).first()) !== null
}

const conflict = () =>
  new AppError('conflict', 'Another request made a tool or folder of the same name at this moment. Nothing was imported; try again.', {
    headers: { 'x-should-retry': 'true' },
  })

const idsOf = ({ kept: _, ...maps }: NewIds, tools?: Map<string, string>): Record<string, string> =>
  Object.fromEntries([...Object.values(maps), ...(tools ? [tools] : [])].flatMap((map) => [...map]))

/**
 * Imports the agents of a file with all that belongs to them. Everything is checked first; then all of it is written, or nothing. With an
 * `Idempotency-Key` a repeat finds what a try made that was cut off, and completes it.
 */
export async function importAgents(ctx: Ctx, text: string, form: ImportForm, embeddingHeader?: string): Promise<Imported> {
  const read = readFile(text)
  const options = {
    suffix: form.append_copy_suffix === false ? '' : '_copy',
    override_tools: form.override_existing_tools ?? true,
    strip_messages: form.strip_messages ?? false,
    name: form.name ?? form.override_name ?? null,
    model: form.model ?? form.override_model_handle ?? null,
    embedding: form.embedding ?? form.override_embedding_handle ?? embeddingHeader ?? null,
    secrets: { ...form.env_vars_json, ...form.secrets },
    project_id: form.project_id ?? null,
    keep_ids: form.keep_ids ?? false,
  }
  const ids = await assignIds(ctx, read.file, options.keep_ids)
  const agent_ids = [...ids.agents.values()]
  if (await isWritten(ctx, ids)) {
    await storeHistories(ctx, read.file, ids, options.strip_messages)
    return { agent_ids, ids: idsOf(ids), warnings: [] }
  }
  await assertOutside(ctx, read)
  await assertFree(ctx, ids)
  const plan = await planImport(ctx, read, ids, options)
  let written = 0
  try {
    for (const batch of plan.batches) {
      await explained(
        () => ctx.env.DB.batch(batch),
        ({ kind }) => (kind === 'unique' ? conflict() : undefined),
      )
      written++
    }
    await storeHistories(ctx, read.file, ids, options.strip_messages)
  } catch (error) {
    if (written > 0) await discard(ctx, ids, plan, written)
    throw error
  }
  const tools = new Map([...plan.tools.tools].map(([name, tool]) => [name, tool.id]))
  return { agent_ids, ids: idsOf(ids, tools), warnings: plan.warnings }
}
