import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { type Answer, admin, type Call } from '../support/client'
import { bystanders, dump, type Everything, organizationWithEverything } from '../support/everything'
import { type Hostile, requestsOf } from '../support/hostile'
import type { Operation } from '../support/operations'
import { byName, expectProblem, nameIn, operations } from '../support/requests'

// Requests that are generated from the OpenAPI document and go wrong in every way that JSON and HTTP allow. `HOSTILE_RUNS` sends more of
// them. A failure prints its seed and the smallest request that shows it.

const { DB } = bindings
const numRuns = Number(bindings.HOSTILE_RUNS)

const others = await bystanders()
const victim = await organizationWithEverything('thylacine')
const caller = await organizationWithEverything('okapi')
const victims = async () => {
  const rows = Object.entries(await dump([...others, caller.organization_id]))
  return Object.fromEntries(
    rows.map(([table, all]) => [table, all.filter((row) => row.includes('thylacine') || row.includes(victim.organization_id))]),
  )
}
let before: Record<string, string[]>

/** Counts the rows that are written, in tables that requests may write to. */
async function countWrites(): Promise<void> {
  const { results } = await DB.prepare(
    `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like '\\_cf%' escape '\\'
      and name not like '%_fts%' and name not in ('idempotency_keys', 'd1_migrations', 'hostile_writes')`,
  ).all<{ name: string }>()
  const verbs = ['insert', 'update', 'delete'] as const
  await DB.batch([
    DB.prepare('create table hostile_writes (n integer, last text)'),
    DB.prepare('insert into hostile_writes values (0, null)'),
    ...results.flatMap(({ name }) =>
      verbs.map((verb) => {
        // When a key was used is noted on every request.
        const columns = verb === 'update' && name === 'api_keys' ? ' of name, scopes, expires_at, is_deleted' : ''
        return DB.prepare(
          `create trigger "hostile_${verb}_${name}" after ${verb}${columns} on "${name}" begin
            update hostile_writes set n = n + 1, last = '${verb} ${name}'; end`,
        )
      }),
    ),
  ])
}

async function stopCounting(): Promise<void> {
  const { results } = await DB.prepare(
    "select name from sqlite_master where type = 'trigger' and name like 'hostile\\_%' escape '\\'",
  ).all<{
    name: string
  }>()
  await DB.batch([...results.map(({ name }) => DB.prepare(`drop trigger "${name}"`)), DB.prepare('drop table hostile_writes')])
}

const writes = async () =>
  (await DB.prepare('select n, last from hostile_writes').first<{ n: number; last: string | null }>()) ?? { n: -1, last: null }

/** Waits until the turns that were accepted have ended and their last writes are done. */
async function quiet(): Promise<void> {
  for (let seen = -1, round = 0; round < 200; round++) {
    const active = await DB.prepare(`select count(*) as n from runs where status in ('created', 'running') and organization_id = ?`)
      .bind(caller.organization_id)
      .first<{ n: number }>()
    const { n } = await writes()
    if (active?.n === 0 && n === seen) return
    seen = n
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

function send(call: Call, { method, path }: Operation, { path: ids, query, headers, body }: Hostile): Promise<Answer> {
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? ''))
  return call(method, `${address}?${new URLSearchParams(query)}`, body, headers)
}

/** An answer to the caller: never a failure of ours, a refusal in the form of all, and no trace of the victim. */
function expectSane(answer: Answer, sent: Hostile): void {
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  // 501: not on this server; 502 and 504: a server that the request names does not answer.
  if (answer.status >= 500) expect([501, 502, 504], text.slice(0, 2_000)).toContain(answer.status)
  if (answer.status >= 400) expectProblem(answer, answer.status)
  // A refusal may repeat what was sent, and some names of the victim's are made of the word.
  if (!JSON.stringify(sent).includes('thylacine')) expect(text.includes('thylacine')).toBe(false)
}

const callOf = (operation: Operation, { call }: Everything): Call => (operation.admin ? admin : call)
const guarded = operations.filter((operation) => !operation.open)

describe('whatever is sent', () => {
  beforeAll(async () => {
    await countWrites()
    before = await victims()
  })
  afterAll(stopCounting)

  it.each(byName(guarded))(
    '%s does not fail, does not reach another organization, and a refusal writes nothing',
    async (_, operation) => {
      // The operator may change any organization: its requests name none of those that are there.
      const ids = operation.admin ? Object.fromEntries(Object.keys(caller.ids).map((name) => [name, 'x'])) : caller.ids
      const theirs = operation.admin ? ids : victim.ids
      const call = callOf(operation, caller)
      const attempt = async (hostile: Hostile) => {
        const at = await writes()
        const answer = await send(call, operation, hostile)
        return { answer, wrote: answer.status >= 400 && (await writes()).n !== at.n }
      }
      await fc.assert(
        fc.asyncProperty(requestsOf(operation, ids, theirs), async (hostile) => {
          const { answer, wrote } = await attempt(hostile)
          expectSane(answer, hostile)
          // What an earlier request began may have ended just then: the same again in a quiet moment.
          if (wrote) {
            await quiet()
            const then = await dump(others)
            const again = await send(call, operation, hostile)
            expect(again.status).toBe(answer.status)
            expect(await dump(others)).toEqual(then)
          }
        }),
        { numRuns, interruptAfterTimeLimit: 60_000 },
      )
    },
    90_000,
  )

  it('the other organization has every row as it was', async () => expect(await victims()).toEqual(before))
})

describe('a body over the limit', () => {
  const large = new Blob([`{"name": "${'x'.repeat(9 * 1024 * 1024)}"}`], { type: 'application/json' })
  const taking = guarded.filter(({ body }) => body)

  it.each(byName(taking))('is refused by %s', async (_, operation) => {
    const path = Object.fromEntries(operation.parameters.map(({ name }) => [name, caller.ids[nameIn(operation.path, name)] ?? 'x']))
    expectProblem(await send(callOf(operation, caller), operation, { path, query: [], headers: {}, body: large }), 413)
  })
})

describe('a body nested deeper than the database reads', () => {
  const nested = (levels: number) =>
    new Blob([`{"label":"deep","value":"","metadata":${'{"a":'.repeat(levels)}1${'}'.repeat(levels + 1)}`], { type: 'application/json' })

  it('is refused, and one as deep as may be comes back as it was sent', async () => {
    const refused = await caller.call('POST', '/v1/blocks/', nested(1_200))
    expectProblem(refused, 422)
    expect(refused.body).toMatchObject({ detail: expect.stringContaining('nested deeper than 256') })
    const { status, body } = await caller.call('POST', '/v1/blocks/', nested(255))
    expect(status).toBe(200)
    expect(JSON.stringify(body.metadata).match(/\{/g)).toHaveLength(255)
  })
})
