import { APIError } from '@letta-ai/letta-client'
import { expect, it } from 'vitest'
import { type Api, failureOf } from '../api'
import { methodsOf, sdkMethods } from '../coverage'

const agent_id = 'agent-00000000-0000-4000-8000-000000000001'

/** Arguments of the methods that only the hosted service answers. */
const given: Record<string, unknown[]> = {
  'agents.schedule.create': [agent_id, { messages: [{ role: 'user', content: 'hi' }], schedule: { scheduled_at: 1 } }],
  'agents.schedule.retrieve': ['schedule-1', { agent_id }],
  'agents.schedule.list': [agent_id],
  'agents.schedule.delete': ['schedule-1', { agent_id }],
  'templates.create': [{ agent_id, type: 'agent' }],
  'templates.update': ['a template', { agent_file_json: {} }],
  'templates.delete': ['a template'],
  'templates.rollback': ['a template', { version: '1' }],
  'templates.save': ['a template'],
  'templates.agents.create': ['a template:latest'],
  'environments.retrieve': ['device-1'],
  'environments.list': [],
  'environments.sendMessage': ['connection-1', { messages: [{ role: 'user', content: 'hi' }] }],
  'accessTokens.create': [{ hostname: 'https://example.com', policy: [] }],
  'accessTokens.list': [],
  'accessTokens.delete': ['token'],
}

const features: Record<string, string> = {
  'agents.schedule': 'Schedules of messages',
  templates: 'Templates',
  environments: 'Environments',
  accessTokens: 'Access tokens',
}

export function hosted(api: Api): void {
  it.each(sdkMethods.cloudOnly)('%s is told in a sentence that it is not available here, once', async (name) => {
    const { client, exchanges } = await api.member()
    const found = methodsOf(client).get(name)
    const call = found?.owner[found.key] as (...args: unknown[]) => PromiseLike<unknown>
    const failure = await failureOf(call.apply(found?.owner, given[name] ?? []), APIError)
    expect(failure.status).toBe(501)
    const feature = Object.entries(features).find(([prefix]) => name.startsWith(prefix))?.[1]
    expect((failure.error as { detail: string }).detail).toMatch(new RegExp(`^${feature}.* are not available on this server`))
    expect(exchanges()).toHaveLength(1)
  })
}
