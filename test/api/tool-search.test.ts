import { describe, expect, it } from 'vitest'
import { bindings } from '../support/agent'
import { type Call, freshOrganization } from '../support/client'

const path = '/v1/tools/search'
const create = async (call: Call, name: string, description: string, tags: string[] = []) => {
  const { body } = await call('POST', '/v1/tools', { source_code: `def ${name}(): pass`, description, tags })
  return body.id as string
}
const search = async (call: Call, request: Record<string, unknown>): Promise<string[]> => {
  const { status, body } = await call('POST', path, { tool_types: ['custom'], ...request })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return body.map((hit: { tool: { name: string } }) => hit.tool.name)
}

async function stocked() {
  const member = await freshOrganization()
  const { call } = member
  const ids = {
    mail: await create(call, 'send_email', 'Sends a message to somebody.', ['office', 'mail']),
    weather: await create(call, 'get_weather', 'Tells the forecast of a city. Does not send anything.', ['météo']),
    invoices: await create(call, 'list_invoices', 'Lists invoices that were emailed.', ['office']),
  }
  return { ...member, ids }
}

describe('the search for tools', () => {
  it('finds words of name, description and tags, in any form, a name counting most', async () => {
    const { call } = await stocked()
    expect(await search(call, { query: 'email' })).toEqual(['send_email', 'list_invoices'])
    expect(await search(call, { query: 'sending' })).toEqual(['send_email', 'get_weather'])
    expect(await search(call, { query: 'how do I send an e-mail to my boss?' })).toEqual(expect.arrayContaining(['send_email']))
    expect(await search(call, { query: 'METEO' })).toEqual(['get_weather'])
    expect(await search(call, { query: 'forecasts' })).toEqual(['get_weather'])
    expect(await search(call, { query: 'nothing like it' })).toEqual([])
    for (const odd of ['"', '*', 'name:', 'AND', '(', '-', '—', 'a" OR "b'])
      expect(await search(call, { query: odd })).toEqual(expect.any(Array))
  })

  it('answers how well each matched', async () => {
    const { call, ids } = await stocked()
    const { body } = await call('POST', path, { query: 'email' })
    expect(body[0]).toEqual({
      tool: (await call('GET', `/v1/tools/${ids.mail}`)).body,
      embedded_text: 'send_email\nSends a message to somebody.\noffice, mail',
      fts_rank: 1,
      vector_rank: null,
      combined_score: 1 / 61,
    })
    expect(body[1]).toMatchObject({ fts_rank: 2, combined_score: 1 / 62 })
  })

  it('is narrowed by tags and types, and limited', async () => {
    const { call } = await stocked()
    expect(await search(call, { query: 'email', tags: ['mail', 'other'] })).toEqual(['send_email'])
    expect(await search(call, { query: 'email', tags: [] })).toHaveLength(2)
    expect(await search(call, { query: 'email', limit: 1 })).toEqual(['send_email'])
    expect(await search(call, { query: 'memory', tool_types: ['letta_sleeptime_core'] })).toEqual(
      expect.arrayContaining(['memory_insert', 'memory_replace']),
    )
    expect(await search(call, { query: 'memory' })).toEqual([])
    for (const limit of [0, 101, 1.5]) expect((await call('POST', path, { query: 'x', limit })).status).toBe(422)
  })

  it('without a query shows the newest', async () => {
    const { call } = await stocked()
    for (const query of [undefined, null, '', ' ']) {
      expect(await search(call, { query, limit: 2 })).toEqual(['list_invoices', 'get_weather'])
    }
    expect((await call('POST', path, { limit: 1 })).body[0]).toMatchObject({ fts_rank: null, vector_rank: null, combined_score: 0 })
    expect(await search(call, { tags: ['office'] })).toEqual(['list_invoices', 'send_email'])
  })

  it('sees changes at once, and never what was deleted', async () => {
    const { call, ids } = await stocked()
    await call('PATCH', `/v1/tools/${ids.weather}`, { source_code: 'def umbrella(): pass', description: 'Needed?', tags: ['rain'] })
    expect(await search(call, { query: 'weather forecast météo' })).toEqual([])
    for (const query of ['umbrella', 'needed', 'rain']) expect(await search(call, { query })).toEqual(['umbrella'])
    await call('DELETE', `/v1/tools/${ids.mail}`)
    expect(await search(call, { query: 'email' })).toEqual(['list_invoices'])
    expect(await search(call, {})).toEqual(['list_invoices', 'umbrella'])
  })

  it('finds nothing of another organization', async () => {
    const { organization_id, ids } = await stocked()
    const stranger = await freshOrganization()
    expect(await search(stranger.call, { query: 'email' })).toEqual([])
    for (const query of [organization_id, ids.mail, 'org']) expect(await search(stranger.call, { query })).toEqual([])
    expect(await search(stranger.call, {})).toEqual([])
  })

  it('by meaning is refused, and both ways together goes by words', async () => {
    const { call } = await stocked()
    const { status, body } = await call('POST', path, { query: 'email', search_mode: 'vector' })
    expect([status, body.detail]).toEqual([400, expect.stringMatching(/no embedding model for what is searched/)])
    for (const search_mode of ['fts', 'hybrid', null]) expect(await search(call, { query: 'email', search_mode })).toHaveLength(2)
  })

  it('reads the entries of its own organization only', async () => {
    const plan = await bindings.DB.prepare(
      `explain query plan select t.* from tools_fts f cross join tools t on t.rowid = f.rowid
        where tools_fts match ?1 and t.organization_id = ?2 and t.is_deleted = 0 order by f.rank limit 5`,
    )
      .bind('organization_id : "org-1" AND {name} : ("a")', 'org-1')
      .all<{ detail: string }>()
    expect(plan.results.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^SCAN f VIRTUAL TABLE INDEX/),
      expect.stringMatching(/^SEARCH t USING INTEGER PRIMARY KEY/),
    ])
  })
})
