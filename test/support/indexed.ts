import type { Env } from '../../src/env'
import { newId } from '../../src/lib/id'
import { drain } from '../../src/resources/indexes/drain'
import { type embedRows, type FindModel, owedColumns } from '../../src/resources/indexes/embed'
import type { vectors } from '../../src/resources/indexes/table'
import { addPassages, type NewPassage } from '../../src/resources/passages/insert'
import type { Scope } from '../../src/runtime/rpc'
import { bindings, freshScope } from './agent'
import { FakeEmbedding } from './fakes/embedding'
import { FakeVectorIndex } from './fakes/vector-index'

const { DB } = bindings
export type VectorRow = typeof vectors.$inferSelect

/** An organization with an archive of the fake model, an index of its own, and a clock that stands until it is moved. */
export async function indexedArchive({ dimensions = 384 } = {}) {
  const scope = await freshScope()
  const model = new FakeEmbedding('fake/words', dimensions)
  const index = new FakeVectorIndex(dimensions)
  const env: Env = { ...bindings, [`VECTORIZE_${dimensions}`]: index }
  const clock = { at: Date.now() + 1_000 }
  const find: FindModel = async () => model
  const archive_id = await newArchive(scope, model)
  const add = (passages: (Partial<NewPassage> & { text: string })[]) =>
    addPassages(
      DB,
      scope,
      archive_id,
      passages.map((passage) => ({ id: newId('passage'), ...passage })),
    )
  /** Does what is due now; with `later`, that many milliseconds from now. */
  const work = (later = 0) => {
    clock.at += later
    return drain(env, scope.organization_id, { find, now: () => clock.at, until: clock.at + 1 })
  }
  /** Works until every vector is in the index. */
  const settle = async () => {
    await work()
    index.catchUp()
    await work(60_000)
  }
  return { scope, model, index, env, clock, find, archive_id, add, work, settle }
}

export async function newArchive(scope: Scope, model: { handle: string; dimensions: number }): Promise<string> {
  const id = newId('archive')
  await DB.prepare(
    `insert into archives (id, organization_id, name, embedding, embedding_config, created_at, updated_at) values (?1, ?2, 'notes', ?3, ?4, 0, 0)`,
  )
    .bind(id, scope.organization_id, model.handle, JSON.stringify({ embedding_dim: model.dimensions }))
    .run()
  return id
}

export async function vectorRows(organization_id: string): Promise<VectorRow[]> {
  const { results } = await DB.prepare('select * from vectors where organization_id = ?1 order by id')
    .bind(organization_id)
    .all<VectorRow>()
  return results
}

export const statesOf = async (organization_id: string): Promise<string[]> =>
  (await vectorRows(organization_id)).map(({ state }) => state).sort()

/** The texts that an organization owes, as they would be embedded. */
export async function owedBy(organization_id: string) {
  const { results } = await DB.prepare(`select ${owedColumns} from vectors v where v.organization_id = ?1 and v.state = 'pending'`)
    .bind(organization_id)
    .all<Parameters<typeof embedRows>[2][number]>()
  return results
}
