import { and, eq } from 'drizzle-orm'
import type { Ctx } from '../../../context'
import { anyOf, repository } from '../../../db/repository'
import { insertRows } from '../../../db/rows'
import { isAppError } from '../../../lib/errors'
import { newId } from '../../../lib/id'
import { nameWithin } from '../../files/service'
import { fileContents, files } from '../../files/table'
import { folders } from '../../folders/table'
import { groups, groupsAgents, groupsBlocks } from '../../groups/table'
import { type EmbeddingInput, embeddingOf } from '../../indexes/embedding-config'
import type { AgentFileInput } from '../input'
import type { NewIds } from './ids'

const folderRows = repository(folders, 'Folder')

/** Characters of text beyond which the files of an import are not written together with the rest. */
const largeCharacters = 4_000_000
const batchCharacters = 1_000_000

/** A name that no folder has yet: with a number when it is taken. */
function freeName(name: string, taken: Set<string>): string {
  let free = name
  for (let n = 2; taken.has(free); n++) free = `${name.slice(0, 240)}_${n}`
  taken.add(free)
  return free
}

async function namesTaken(ctx: Ctx, names: string[]): Promise<Set<string>> {
  const variants = [...new Set(names.flatMap((name) => [name, ...Array.from({ length: 50 }, (_, i) => `${name.slice(0, 240)}_${i + 2}`)]))]
  const rows = await ctx.db
    .select({ name: folders.name })
    .from(folders)
    .where(and(eq(folders.organization_id, ctx.actor.organization_id), eq(folders.is_deleted, false), anyOf(folders.name, variants)))
  return new Set(rows.map((row) => row.name))
}

/** Groups of items whose texts are at most `batchCharacters` together, but at least one item each. */
function grouped<T extends { content: string | null }>(items: T[]): T[][] {
  const found: T[][] = []
  let left = 0
  for (const item of items) {
    const size = item.content?.length ?? 0
    if (size > left || found.length === 0) {
      found.push([])
      left = batchCharacters
    }
    found.at(-1)?.push(item)
    left -= size
  }
  return found
}

/** The embedding model of an imported folder: its own, also one that nobody knows here, or the deployment's default. */
async function modelOf(ctx: Ctx, given: EmbeddingInput) {
  const known = await embeddingOf(ctx.env, ctx.actor.organization_id, given).catch((error: unknown) => {
    if (isAppError(error) && error.kind === 'not_found') return { embedding: given.embedding ?? null, embedding_config: null }
    throw error
  })
  return { ...known, embedding_config: known.embedding_config ?? {} }
}

/**
 * The folders and files of an import, made anew; a folder whose name is taken gets a number. Files with a text wait to be processed.
 * `large`: their texts are more than one batch should bring.
 */
export async function planFolders(
  ctx: Ctx,
  file: AgentFileInput,
  ids: NewIds,
  embedding: string | null,
): Promise<{ large: boolean; batches: D1PreparedStatement[][] }> {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  const by = { organization_id, created_by_id: user_id, last_updated_by_id: user_id }
  if (file.sources.length + file.files.length === 0) return { large: false, batches: [] }
  const names = file.sources.map((source) => source.name)
  const taken = await namesTaken(ctx, names)
  const models = await Promise.all(file.sources.map((source) => modelOf(ctx, embedding ? { embedding } : source)))
  const rows = file.sources.map((source, i) => ({
    ...source,
    ...by,
    id: ids.sources.get(source.id) as string,
    name: freeName(source.name, taken),
    ...(models[i] as (typeof models)[number]),
  }))
  // A file's stored name begins with its folder's, which may have become another, or is there already.
  const outside = await folderRows.getMany(ctx, [...new Set(file.files.map((each) => each.source_id))])
  const folderNames = new Map([
    ...outside.map(({ id, name }) => [id, name] as const),
    ...file.sources.map((source, i) => [source.id, rows[i]?.name] as const),
  ])
  const fileName = ({ source_id, file_name }: { source_id: string; file_name?: string | null | undefined }) => {
    const folder = folderNames.get(source_id)
    return folder && file_name ? `${folder}/${nameWithin(file_name)}` : file_name
  }
  const contents = grouped(file.files).map((some) => [
    insertRows(
      d1,
      files,
      some.map(({ content, ...each }) => ({
        ...each,
        ...by,
        id: ids.files.get(each.id) as string,
        source_id: ids.sources.get(each.source_id) ?? each.source_id,
        file_name: fileName(each),
        processing_status: content === null ? ('error' as const) : ('pending' as const),
        error_message: content === null ? 'The file was imported without its text. Upload it again.' : null,
      })),
    ),
    ...some.flatMap(({ id, content }) =>
      content === null
        ? []
        : [
            insertRows(d1, fileContents, [
              {
                id: newId('fileContent'),
                file_id: ids.files.get(id) as string,
                text: content.replaceAll('\0', ''),
                created_by_id: user_id,
                last_updated_by_id: user_id,
              },
            ]),
          ],
    ),
  ])
  const characters = file.files.reduce((sum, each) => sum + (each.content?.length ?? 0), 0)
  return { large: characters > largeCharacters, batches: [...(rows.length > 0 ? [[insertRows(d1, folders, rows)]] : []), ...contents] }
}

/** The groups of an import, with their members in order. */
export function planGroups(ctx: Ctx, file: AgentFileInput, ids: NewIds): D1PreparedStatement[] {
  const d1 = ctx.env.DB
  const { organization_id, user_id } = ctx.actor
  return file.groups.flatMap(({ id, agent_ids, shared_block_ids, manager_config, ...group }) => {
    const group_id = ids.groups.get(id) as string
    const { manager_agent_id, sleeptime_agent_frequency, ...config } = manager_config
    const row = {
      ...group,
      ...config,
      id: group_id,
      organization_id,
      manager_agent_id: manager_agent_id === null ? null : (ids.agents.get(manager_agent_id) ?? manager_agent_id),
      sleeptime_agent_frequency,
      turns_counter: sleeptime_agent_frequency === null ? null : -1,
      created_by_id: user_id,
      last_updated_by_id: user_id,
    }
    const members = [...new Set(agent_ids)].map((agent, position) => ({ group_id, agent_id: ids.agents.get(agent) ?? agent, position }))
    const shared = [...new Set(shared_block_ids)].map((block) => ({ group_id, block_id: ids.blocks.get(block) ?? block }))
    return [
      insertRows(d1, groups, [row]),
      ...(members.length > 0 ? [insertRows(d1, groupsAgents, members)] : []),
      ...(shared.length > 0 ? [insertRows(d1, groupsBlocks, shared)] : []),
    ]
  })
}
