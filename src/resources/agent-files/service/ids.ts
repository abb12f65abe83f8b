import type { Ctx } from '../../../context'
import { sha256 } from '../../../lib/crypto'
import { AppError } from '../../../lib/errors'
import { type IdKind, idPattern, idPrefixes, newId, uuidFrom } from '../../../lib/id'
import type { AgentFileInput } from '../input'

const tables = { agents: 'agent', blocks: 'block', sources: 'source', files: 'file', groups: 'group' } as const
type Collection = keyof typeof tables

/** Ids of what an import creates, by the ids of the file. */
export interface NewIds extends Record<Collection, Map<string, string>> {
  /** Full ids of the file that are kept, by table. */
  kept: [Collection, field: string, id: string][]
}

/** A tool or an MCP server may be there already, so its id is made only when it is needed. */
export const idFor = async (ctx: Ctx, kind: IdKind, name: string): Promise<string> =>
  ctx.once ? `${idPrefixes[kind]}-${uuidFrom(await sha256(`${ctx.once.uuid}\n${kind}\n${name}`))}` : newId(kind)

/**
 * The id of every row that the file makes. With an `Idempotency-Key` they follow from it, so that a repeat finds what a first try made;
 * with `keep` a full id of the file is taken over.
 */
export async function assignIds(ctx: Ctx, file: AgentFileInput, keep: boolean): Promise<NewIds> {
  const kept: NewIds['kept'] = []
  const assign = async (collection: Collection) => {
    const kind = tables[collection]
    const pairs = file[collection].map(async ({ id }, i): Promise<[string, string]> => {
      if (!keep || !idPattern(kind).test(id)) return [id, await idFor(ctx, kind, id)]
      kept.push([collection, `${collection}.${i}.id`, id])
      return [id, id]
    })
    return new Map(await Promise.all(pairs))
  }
  const [agents, blocks, sources, files, groups] = await Promise.all([
    assign('agents'),
    assign('blocks'),
    assign('sources'),
    assign('files'),
    assign('groups'),
  ])
  return { agents, blocks, sources, files, groups, kept }
}

const tableOf: Record<Collection, string> = { agents: 'agents', blocks: 'block', sources: 'sources', files: 'files', groups: 'groups' }

/** Throws 409 naming the field when an id that is to be kept names a row already, alive or deleted. */
export async function assertFree(ctx: Ctx, { kept }: NewIds): Promise<void> {
  const d1 = ctx.env.DB
  const used = [...new Set(kept.map(([collection]) => collection))]
  if (used.length === 0) return
  const found = await d1.batch<{ id: string }>(
    used.map((collection) => {
      const ids = kept.flatMap(([one, , id]) => (one === collection ? [id] : []))
      return d1.prepare(`select id from ${tableOf[collection]} where id in (select value from json_each(?1))`).bind(JSON.stringify(ids))
    }),
  )
  const taken = new Set(found.flatMap(({ results }) => results.map(({ id }) => id)))
  const [first] = kept.filter(([, , id]) => taken.has(id))
  if (!first) return
  const [, field, id] = first
  throw new AppError('conflict', `${field}: '${id}' is taken. Leave keep_ids out to import it under another id.`, {
    code: 'id_taken',
    field,
  })
}

/** The id of an imported message: the same for each try, and of this agent alone, whatever the file calls it. */
export const messageIdFor = async (agentId: string, conversationId: string | null, name: string): Promise<string> =>
  `${idPrefixes.message}-${uuidFrom(await sha256(`${agentId}\n${conversationId ?? ''}\n${name}`))}`
