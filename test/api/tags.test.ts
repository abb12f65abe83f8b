import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { freshAgent } from '../support/agent'
import { freshOrganization, type Member } from '../support/client'

const { DB } = env as unknown as { DB: D1Database }

async function taggedAgent(member: Member, ...tags: string[]): Promise<string> {
  const id = await freshAgent(member)
  await DB.batch(
    tags.map((tag) =>
      DB.prepare('insert into agents_tags (agent_id, tag, organization_id) values (?, ?, ?)').bind(id, tag, member.organization_id),
    ),
  )
  return id
}

describe('tags', () => {
  it('are those of agents and blocks, each once, by name', async () => {
    const member = await freshOrganization()
    await taggedAgent(member, 'agent2', 'development')
    await taggedAgent(member, 'agent1', 'development')
    await member.call('POST', '/v1/blocks', { label: 'x', value: '', tags: ['agent3', 'agent1'] })
    const list = async (query: string) => (await member.call('GET', `/v1/tags/?${query}`)).body
    expect(await list('')).toEqual(['agent1', 'agent2', 'agent3', 'development'])
    expect(await list('order=desc')).toEqual(['development', 'agent3', 'agent2', 'agent1'])
    expect(await list('limit=2')).toEqual(['agent1', 'agent2'])
    expect(await list('after=agent2')).toEqual(['agent3', 'development'])
    expect(await list('before=development&limit=2')).toEqual(['agent2', 'agent3'])
    expect(await list('order=desc&after=agent3')).toEqual(['agent2', 'agent1'])
    expect(await list('order=desc&before=agent1&limit=1')).toEqual(['agent2'])
    expect(await list('after=agent1&before=development')).toEqual(['agent2', 'agent3'])
    expect(await list('after=development')).toEqual([])
    expect(await list('query_text=Agent')).toEqual(['agent1', 'agent2', 'agent3'])
    expect(await list('name=dev')).toEqual(['development'])
    expect(await list('name=evel')).toEqual([])
  })
  it('go with the last agent or block that has them', async () => {
    const member = await freshOrganization()
    const agentId = await taggedAgent(member, 'gone')
    const { body } = await member.call('POST', '/v1/blocks', { label: 'x', value: '', tags: ['also gone'] })
    await member.call('DELETE', `/v1/agents/${agentId}`)
    await member.call('DELETE', `/v1/blocks/${body.id}`)
    expect((await member.call('GET', '/v1/tags')).body).toEqual([])
  })
  it('of another organization are not shown', async () => {
    const [mine, other] = [await freshOrganization(), await freshOrganization()]
    await taggedAgent(mine, 'mine')
    expect((await other.call('GET', '/v1/tags')).body).toEqual([])
  })
})
