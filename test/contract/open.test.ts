import Letta, { AuthenticationError } from '@letta-ai/letta-client'
import { afterAll, expect, it } from 'vitest'
import { failureOf, startApi } from './api'

const api = await startApi({ AUTH: 'open' })
afterAll(() => api.stop())

it('with AUTH=open the SDK needs no key: it acts as the default organization', async () => {
  const client = new Letta({ baseURL: api.url, apiKey: null })
  const { id, created_by_id } = await client.agents.create({})
  expect(created_by_id).toBe('user-00000000-0000-4000-8000-000000000000')
  expect(await client.agents.messages.create(id, { input: '/say Hi.' })).toMatchObject({ messages: [{ content: 'Hi.' }] })
  const nobodys = new Letta({ baseURL: api.url, apiKey: 'sk-whatever-was-in-the-environment' })
  expect((await nobodys.agents.list()).items).toMatchObject([{ id }])
  const member = await api.member()
  expect((await member.client.agents.list()).items).toEqual([])
})

it('with AUTH=open the operator still needs the admin key', async () => {
  const client = new Letta({ baseURL: api.url, apiKey: null })
  await failureOf(client.get('/v1/admin/orgs'), AuthenticationError)
})
