import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/lib/errors'
import { newId } from '../../src/lib/id'
import { drain } from '../../src/resources/indexes/drain'
import { embedRows } from '../../src/resources/indexes/embed'
import { verify } from '../../src/resources/indexes/submit'
import { decodeVector } from '../../src/retrieval/vector'
import { bindings } from '../support/agent'
import { FakeEmbedding } from '../support/fakes/embedding'
import { indexedArchive, owedBy, statesOf, vectorRows } from '../support/indexed'

const { DB } = bindings
const hours = 3_600_000

describe('the vector of a passage', () => {
  it('is owed with the passage, embedded, put into the index, and looked for there until it is seen', async () => {
    const { scope, model, index, archive_id, add, work } = await indexedArchive()
    const [passage] = await add([{ text: 'the cat sleeps' }])
    expect(await vectorRows(scope.organization_id)).toMatchObject([
      { id: passage?.id, namespace: archive_id, kind: 'passage', model: 'fake/words', dimensions: 384, state: 'pending', due_at: 0 },
    ])
    await work()
    expect(model.documents).toEqual(['the cat sleeps'])
    expect(await statesOf(scope.organization_id)).toEqual(['submitted'])
    await work(5_000)
    expect(await statesOf(scope.organization_id)).toEqual(['submitted'])
    index.catchUp()
    await work(60_000)
    expect(await vectorRows(scope.organization_id)).toMatchObject([{ state: 'indexed', due_at: null, error: null, attempts: 0 }])
    const [row] = await vectorRows(scope.organization_id)
    const stored = index.vectors.get(passage?.id ?? '')
    expect(stored).toMatchObject({
      namespace: archive_id,
      metadata: { organization_id: scope.organization_id, kind: 'passage', version: 1, created_at: Date.parse(passage?.created_at ?? '') },
    })
    expect(Float32Array.from(stored?.values as number[])).toEqual(decodeVector(row?.vector ?? ''))
  })

  it('is put in again when the index never shows it', async () => {
    const { scope, index, add, work } = await indexedArchive()
    await add([{ text: 'lost on the way' }])
    await work()
    for (let i = 0; i < 14; i++) await work(60_000)
    index.catchUp()
    await work(60_000)
    expect(await statesOf(scope.organization_id)).toEqual(['indexed'])
    expect(index.vectors.size).toBe(1)
  })

  it('goes with the passage: out of the index, then out of the database', async () => {
    const { scope, index, archive_id, add, work, settle } = await indexedArchive()
    await add([{ text: 'one' }, { text: 'two' }])
    await settle()
    expect(index.vectors.size).toBe(2)
    await DB.prepare('delete from archives where id = ?1').bind(archive_id).run()
    expect(await vectorRows(scope.organization_id)).toMatchObject([
      { state: 'deleted', vector: null },
      { state: 'deleted', vector: null },
    ])
    await work()
    index.catchUp()
    expect([index.vectors.size, await vectorRows(scope.organization_id)]).toEqual([0, []])
  })

  it('does not stay behind when the passage is deleted while it is on its way', async () => {
    const { scope, index, add, work } = await indexedArchive()
    const [passage] = await add([{ text: 'short-lived' }])
    const upsert = index.upsert.bind(index)
    index.upsert = async (vectors) => {
      await DB.prepare('delete from archival_passages where id = ?1').bind(passage?.id).run()
      return upsert(vectors)
    }
    await work()
    await work()
    index.catchUp()
    expect([index.vectors.size, await vectorRows(scope.organization_id)]).toEqual([0, []])
  })

  it('is made anew when the text changes, also while the old one is being embedded', async () => {
    const { scope, model, index, add, find, settle } = await indexedArchive()
    const [passage] = await add([{ text: 'before' }])
    const rows = await owedBy(scope.organization_id)
    await DB.prepare(`update archival_passages set text = 'after' where id = ?1`).bind(passage?.id).run()
    await embedRows(DB, find, rows)
    expect(await statesOf(scope.organization_id)).toEqual(['pending'])
    await settle()
    expect(model.documents).toEqual(['before', 'after'])
    expect(index.vectors.get(passage?.id ?? '')?.metadata).toMatchObject({ version: 2 })
  })
})

describe('embedding', () => {
  it('asks once for texts that are equal, and not at all for one that was embedded before', async () => {
    const { scope, model, add, work } = await indexedArchive()
    await add([{ text: 'same' }, { text: 'same' }, { text: 'other' }])
    await work()
    await add([{ text: 'same' }])
    await work()
    expect(model.documents.sort()).toEqual(['other', 'same'])
    expect(await statesOf(scope.organization_id)).toEqual(['submitted', 'submitted', 'submitted', 'submitted'])
  })

  it('tries again later what fails for a while, and says meanwhile what is wrong', async () => {
    const { scope, model, add, work } = await indexedArchive()
    await add([{ text: 'x' }])
    model.failures = [new AppError('llm_rate_limit', 'slow down'), new AppError('llm_authentication', 'no such key')]
    const next = await work()
    expect(await vectorRows(scope.organization_id)).toMatchObject([{ state: 'pending', attempts: 1, error: 'slow down', due_at: next }])
    await work(2_000)
    expect(await vectorRows(scope.organization_id)).toMatchObject([{ state: 'pending', attempts: 2, error: 'no such key' }])
    await work(2 * hours)
    expect(await statesOf(scope.organization_id)).toEqual(['submitted'])
  })

  it('lets a text that the model refuses fail alone', async () => {
    const { scope, model, add, work } = await indexedArchive()
    model.refuses = (text) => text.includes('bad')
    await add([{ text: 'good' }, { text: 'bad' }, { text: 'fine' }])
    await work()
    expect(await statesOf(scope.organization_id)).toEqual(['failed', 'submitted', 'submitted'])
    const failed = (await vectorRows(scope.organization_id)).find(({ state }) => state === 'failed')
    expect(failed).toMatchObject({ error: 'The text is not acceptable.', due_at: null })
  })

  it('does not mix vectors of other dimensions in', async () => {
    const { scope, add, work } = await indexedArchive()
    await add([{ text: 'x' }])
    const other = new FakeEmbedding('fake/words', 512)
    await embedRows(DB, async () => other, await owedBy(scope.organization_id))
    expect(await vectorRows(scope.organization_id)).toMatchObject([
      { state: 'failed', error: expect.stringMatching(/512 dimensions, and those that are kept here have 384.*POST …\/reindex/) },
    ])
    await work()
    expect(await statesOf(scope.organization_id)).toEqual(['failed'])
  })
})

describe('the index', () => {
  it('may be down: what it owes comes later', async () => {
    const { scope, index, add, work, settle } = await indexedArchive()
    await add([{ text: 'x' }])
    index.failures = [new Error('the index is down')]
    await work()
    expect(await vectorRows(scope.organization_id)).toMatchObject([{ state: 'embedded', error: 'the index is down', attempts: 1 }])
    await work(5_000)
    await settle()
    expect(await statesOf(scope.organization_id)).toEqual(['indexed'])
  })

  it('need not be there: vectors of other dimensions wait in the database', async () => {
    const { scope, add, work } = await indexedArchive({ dimensions: 300 })
    await add([{ text: 'x' }])
    const next = await work()
    expect(await vectorRows(scope.organization_id)).toMatchObject([
      { state: 'embedded', error: expect.stringContaining('No index of 300 dimensions is bound (VECTORIZE_300)'), due_at: next },
    ])
  })

  it('gets back what it lost', async () => {
    const { scope, index, env, clock, add, settle } = await indexedArchive()
    await add([{ text: 'kept' }, { text: 'lost' }])
    await settle()
    const rows = (await vectorRows(scope.organization_id)).map((row) => ({ ...row, dimensions: 384 }))
    index.vectors.delete(rows[0]?.id ?? '')
    expect(await verify(env, rows, clock.at)).toEqual([rows[0]?.id])
    await settle()
    expect([index.vectors.size, await statesOf(scope.organization_id)]).toEqual([2, ['indexed', 'indexed']])
  })
})

describe('a rebuild', () => {
  const job = async (scope: { organization_id: string; user_id: string }, archive_id: string, re_embed = false) => {
    const id = newId('job')
    const metadata = { kind: 'reindex', scope: 'archive', namespace: archive_id, model: null, re_embed, cursor: 0, enqueued: 0 }
    await DB.prepare(
      `insert into jobs (id, organization_id, user_id, status, metadata_, job_type, created_at, updated_at) values (?1, ?2, ?3, 'created', ?4, 'job', 0, 0)`,
    )
      .bind(id, scope.organization_id, scope.user_id, JSON.stringify(metadata))
      .run()
    return async () => {
      const row = await DB.prepare('select status, metadata_ as metadata from jobs where id = ?1')
        .bind(id)
        .first<{ status: string; metadata: string }>()
      return [row?.status, JSON.parse(row?.metadata ?? '{}').enqueued]
    }
  }

  it('puts the stored vectors into the index again without asking the model', async () => {
    const { scope, model, index, archive_id, add, work, settle } = await indexedArchive()
    await add(Array.from({ length: 30 }, (_, i) => ({ text: `number ${i}` })))
    await settle()
    index.vectors.clear()
    const state = await job(scope, archive_id)
    await work()
    expect(await state()).toEqual(['running', 30])
    await settle()
    await work()
    expect(await state()).toEqual(['completed', 30])
    expect([index.vectors.size, model.documents.length]).toEqual([30, 30])
  })

  it('embeds everything anew with another model, and moves it to the index of its dimensions', async () => {
    const { scope, index, env, archive_id, add, clock, settle } = await indexedArchive()
    await add([{ text: 'one' }, { text: 'two' }])
    await settle()
    const other = new FakeEmbedding('fake/other', 512)
    const wide = await indexedArchive({ dimensions: 512 })
    const both = { ...env, VECTORIZE_512: wide.index }
    await DB.prepare(`update archives set embedding = 'fake/other', embedding_config = '{"embedding_dim":512}' where id = ?1`)
      .bind(archive_id)
      .run()
    const state = await job(scope, archive_id)
    const work = () => drain(both, scope.organization_id, { find: async () => other, now: () => clock.at, until: clock.at + 1 })
    await work()
    index.catchUp()
    wide.index.catchUp()
    clock.at += 60_000
    await work()
    await work()
    expect([index.vectors.size, wide.index.vectors.size, other.documents.length]).toEqual([0, 2, 2])
    expect(await state()).toEqual(['completed', 2])
  })

  it('gives passages that were stored without a model their vectors', async () => {
    const { scope, model, archive_id, add, work } = await indexedArchive()
    await DB.prepare('update archives set embedding = null where id = ?1').bind(archive_id).run()
    await add([{ text: 'plain' }])
    expect(await vectorRows(scope.organization_id)).toEqual([])
    await DB.prepare('update archives set embedding = ?2 where id = ?1').bind(archive_id, model.handle).run()
    await job(scope, archive_id)
    await work()
    expect(await statesOf(scope.organization_id)).toEqual(['submitted'])
  })
})
