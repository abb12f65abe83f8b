import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { insertRows } from '../../src/db/rows'
import { type IdKind, idPrefixes } from '../../src/lib/id'
import { agents } from '../../src/resources/agents/table'
import { apiKeys } from '../../src/resources/api-keys/table'
import { archives } from '../../src/resources/archives/table'
import { blocks } from '../../src/resources/blocks/table'
import { conversations } from '../../src/resources/conversations/table'
import { deliveries } from '../../src/resources/deliveries/table'
import { folders } from '../../src/resources/folders/table'
import { groups } from '../../src/resources/groups/table'
import { identities } from '../../src/resources/identities/table'
import { jobs } from '../../src/resources/jobs/table'
import { messages } from '../../src/resources/messages/table'
import { providers } from '../../src/resources/providers/table'
import { runs } from '../../src/resources/runs/table'
import { steps } from '../../src/resources/steps/table'
import { tools } from '../../src/resources/tools/table'
import { bindings, freshAgent } from '../support/agent'
import { freshOrganization, type Member } from '../support/client'

const { DB } = bindings

type Fields = Record<string, unknown>
type Home = Member & { agent: string }

/** A row of a list, by the values that lists are sorted by. Few instants, so that many rows share one. */
interface Item extends Fields {
  id: string
  n: number
  created_at: string
  /** Another instant, or none. */
  other: string | null
}

interface List {
  table: SQLiteTable
  kind: IdKind
  /** Where it is; every path lists the same rows. */
  paths: (home: Home) => string[]
  /** What its rows must have besides id, organization and times. */
  fields?: (item: Item, home: Home) => Fields
  /** What it can be sorted by, and the item's value in that column. */
  sorts?: Record<string, (item: Item) => unknown>
}

const ofAgent = (_: Item, { agent }: Home) => ({ agent_id: agent })
const byCreation = { created_at: (item: Item) => item.created_at }

/** Every list that pages over a table. Another one joins by a line. */
const lists: Record<string, List> = {
  agents: {
    table: agents,
    kind: 'agent',
    paths: () => ['/v1/agents', '/v1/agents?name=a'],
    fields: (item) => ({
      name: 'a',
      system: '',
      model: 'loci/scripted',
      llm_config: {},
      updated_at: item.created_at,
      last_run_completion: item.other,
    }),
    sorts: { ...byCreation, updated_at: (item) => item.created_at, last_run_completion: (item) => item.other },
  },
  'api-keys': {
    table: apiKeys,
    kind: 'apiKey',
    paths: () => ['/v1/api-keys'],
    fields: (item, { user_id }) => ({ user_id, name: 'k', prefix: 'k', key_hash: item.id, scopes: ['read'] }),
  },
  archives: { table: archives, kind: 'archive', paths: () => ['/v1/archives', '/v1/archives?name=a'], fields: () => ({ name: 'a' }) },
  blocks: { table: blocks, kind: 'block', paths: () => ['/v1/blocks', '/v1/blocks?label=x'], fields: () => ({ label: 'x', value: '' }) },
  conversations: {
    table: conversations,
    kind: 'conversation',
    paths: ({ agent }) => ['/v1/conversations', `/v1/conversations?agent_id=${agent}`],
    fields: (item, { agent }) => ({ agent_id: agent, last_message_at: item.other, last_run_completion: item.other }),
    sorts: { ...byCreation, last_message_at: (item) => item.other, last_run_completion: (item) => item.other },
  },
  deliveries: {
    table: deliveries,
    kind: 'delivery',
    paths: ({ agent }) => ['/v1/deliveries', `/v1/deliveries?agent_id=${agent}`],
    fields: (_, { agent }) => ({ agent_id: agent, event: 'run.completed', url: 'https://example.com' }),
  },
  folders: { table: folders, kind: 'source', paths: () => ['/v1/folders', '/v1/sources'], fields: (item) => ({ name: item.id }) },
  groups: { table: groups, kind: 'group', paths: () => ['/v1/groups'], fields: () => ({ description: '', manager_type: 'round_robin' }) },
  identities: {
    table: identities,
    kind: 'identity',
    paths: () => ['/v1/identities', '/v1/identities?identity_type=user'],
    fields: (item) => ({ identifier_key: item.id, name: 'n', identity_type: 'user' }),
  },
  jobs: { table: jobs, kind: 'job', paths: () => ['/v1/jobs'], fields: (_, { user_id }) => ({ user_id }) },
  messages: {
    table: messages,
    kind: 'message',
    paths: () => ['/v1/messages'],
    fields: (item, { agent }) => ({ agent_id: agent, sequence_id: item.n, role: 'user', content: [{ type: 'text', text: 'hello' }] }),
  },
  'messages of an agent': {
    table: messages,
    kind: 'message',
    paths: ({ agent }) => [`/v1/agents/${agent}/messages`, `/v1/agents/${agent}/messages?conversation_id=default`],
    fields: (item, { agent }) => ({ agent_id: agent, sequence_id: item.n, role: 'user', content: [{ type: 'text', text: 'hello' }] }),
    sorts: { created_at: (item) => item.n },
  },
  providers: {
    table: providers,
    kind: 'provider',
    paths: () => ['/v1/providers'],
    fields: (item) => ({ name: item.id, provider_type: 'openai' }),
  },
  runs: {
    table: runs,
    kind: 'run',
    paths: ({ agent }) => ['/v1/runs', `/v1/runs?agent_id=${agent}`, '/v1/runs?active=true'],
    fields: ofAgent,
  },
  steps: {
    table: steps,
    kind: 'step',
    paths: ({ agent }) => ['/v1/steps', `/v1/steps?agent_id=${agent}`],
    fields: (item, { agent }) => ({ agent_id: agent, sequence_id: item.n }),
  },
  tools: { table: tools, kind: 'tool', paths: () => ['/v1/tools'], fields: (item) => ({ name: item.id.replaceAll('-', '_') }) },
}

const instants = [0, 1, 2, 3].map((seconds) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString())
const itemOf = (kind: IdKind) =>
  fc.record({
    id: fc.uuid().map((uuid) => `${idPrefixes[kind]}-${uuid}`),
    n: fc.integer({ min: 1, max: 2 ** 40 }),
    created_at: fc.constantFrom(...instants),
    other: fc.constantFrom(null, ...instants),
  })

/** What other requests do while a list is read: rows that are there all along, and between two pages rows that come and rows that go. */
const scenarioOf = (kind: IdKind) =>
  fc.record({
    items: fc.uniqueArray(itemOf(kind), { minLength: 12, maxLength: 30, comparator: (a, b) => a.id === b.id || a.n === b.n }),
    /** How many of them are there from the start to the end; of the others, half are there at the start. */
    lasting: fc.integer({ min: 4, max: 10 }),
    writes: fc.array(fc.record({ added: fc.nat(2), deleted: fc.nat(2) }), { maxLength: 12 }),
    limit: fc.integer({ min: 1, max: 4 }),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    pick: fc.nat(1000),
    backwards: fc.boolean(),
  })
type Scenario = ReturnType<typeof scenarioOf> extends fc.Arbitrary<infer S> ? S : never

const insert = (list: List, home: Home, items: Item[]) =>
  insertRows(
    DB,
    list.table,
    items.map(({ id, created_at, ...item }) => ({
      ...{ id, created_at, updated_at: created_at, organization_id: home.organization_id },
      ...list.fields?.({ ...item, id, created_at } as Item, home),
    })),
  ).run()

const nameOf = (table: SQLiteTable) => (table as unknown as Record<symbol, string>)[Symbol.for('drizzle:Name')]

/** Compares items as the list sorts them: those without a value last in both directions, equal ones by id. */
const comparing = (value: (item: Item) => unknown, order: 'asc' | 'desc') => (a: Item, b: Item) => {
  const [x, y] = [value(a), value(b)]
  if ((x === null) !== (y === null)) return x === null ? 1 : -1
  const sign = x === y ? (a.id < b.id ? -1 : 1) : (x as string) < (y as string) ? -1 : 1
  return order === 'asc' ? sign : -sign
}

async function check(list: List, { items, lasting, writes, limit, order, pick, backwards }: Scenario): Promise<void> {
  const member = await freshOrganization()
  const home = { ...member, agent: await freshAgent(member) }
  const stays = items.slice(0, lasting)
  const half = lasting + Math.floor((items.length - lasting) / 2)
  const going = items.slice(lasting, half)
  const coming = items.slice(half)
  await insert(list, home, [...stays, ...going])
  const sorts = Object.entries(list.sorts ?? byCreation)
  const [order_by, value] = sorts[pick % sorts.length] ?? ['created_at', (item: Item) => item.created_at]
  const paths = list.paths(home)
  const path = paths[pick % paths.length] ?? ''
  const compare = comparing(value, order)
  const expected = stays.toSorted(compare)
  let cursor = backwards ? (expected.at(-1)?.id as string) : undefined
  const write = async (step: { added: number; deleted: number } | undefined) => {
    if (!step) return
    const added = coming.splice(0, step.added)
    if (added.length > 0) await insert(list, home, added)
    // What the cursor names goes first, since that is what a reader depends on.
    going.sort((a, b) => Number(b.id === cursor) - Number(a.id === cursor))
    const deleted = going.splice(0, step.deleted).map((item) => item.id)
    going.push(...added)
    await DB.prepare(`update "${nameOf(list.table)}" set is_deleted = 1 where id in (select value from json_each(?))`)
      .bind(JSON.stringify(deleted))
      .run()
  }
  const seen: string[] = []
  for (let page = 0; page < 200; page++) {
    const at = cursor === undefined ? {} : { [backwards ? 'before' : 'after']: cursor }
    const query = new URLSearchParams({ limit: String(limit), order, order_by, ...at })
    const { status, body } = await home.call('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`)
    expect([status, body]).toEqual([200, expect.any(Array)])
    if (body.length === 0) break
    expect(body.length).toBeLessThanOrEqual(limit)
    const ids: string[] = body.map((row: { id: string }) => row.id)
    if (backwards) seen.unshift(...ids)
    else seen.push(...ids)
    cursor = backwards ? ids[0] : ids.at(-1)
    await write(writes[page])
  }
  const byId = new Map(items.map((item) => [item.id, item]))
  const known = seen.flatMap((id) => byId.get(id) ?? [])
  expect(new Set(seen).size, 'no row is seen twice').toBe(seen.length)
  expect(known, 'in order').toEqual(known.toSorted(compare))
  const lastingIds = (backwards ? expected.slice(0, -1) : expected).map((item) => item.id)
  expect(
    seen.filter((id) => stays.some((item) => item.id === id)),
    'each row that was there all along',
  ).toEqual(lastingIds)
}

describe('a list that is read page by page while rows are written and deleted shows each lasting row once, in order', () => {
  it.each(Object.entries(lists))('%s', async (_, list) => {
    await fc.assert(
      fc.asyncProperty(scenarioOf(list.kind), (scenario) => check(list, scenario)),
      { numRuns: 10 },
    )
  })
})

describe('a cursor', () => {
  it('goes on naming its place after its row was deleted, or left the list; one that never was there is a 404', async () => {
    const { call } = await freshOrganization()
    const made: string[] = []
    for (const label of ['a', 'b', 'c']) made.push((await call('POST', '/v1/blocks', { label, tags: ['t'] })).body.id)
    const list = async (query: string) => (await call('GET', `/v1/blocks?${query}`)).body.map((row: { id: string }) => row.id)
    await call('PATCH', `/v1/blocks/${made[0]}`, { tags: [] })
    expect(await list(`tags=t&after=${made[0]}`)).toEqual(made.slice(1))
    await call('DELETE', `/v1/blocks/${made[1]}`)
    expect(await list(`after=${made[1]}`)).toEqual([made[2]])
    expect(await list(`before=${made[1]}`)).toEqual([made[0]])
    const { call: other } = await freshOrganization()
    for (const id of [made[1], made[2]]) expect((await other('GET', `/v1/blocks?after=${id}`)).status).toBe(404)
    expect((await call('GET', `/v1/blocks?after=block-${crypto.randomUUID()}`)).status).toBe(404)
  })
})
