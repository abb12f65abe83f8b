import { expect, it } from 'vitest'
import { configOf } from '../../src/env'
import { toolVariables } from '../../src/resources/sandbox-configs/variables'
import { bindings } from '../support/agent'
import { freshOrganization } from '../support/client'

const value = /hush-\d/

it('secrets of an agent are what its tools get, under either name, and no answer or row shows a value', async () => {
  const { call, organization_id } = await freshOrganization()
  const block = (await call('POST', '/v1/blocks', { label: 'notes', value: '' })).body
  const answers: unknown[] = []
  const shown = async (method: string, path: string, body?: unknown) => {
    const answer = await call(method, path, body)
    expect(answer.status).toBe(200)
    answers.push(answer.body)
    return answer.body
  }
  const made = await shown('POST', '/v1/agents', {
    block_ids: [block.id],
    secrets: { A: 'hush-1' },
    tool_exec_environment_variables: { B: 'hush-2' },
  })
  const path = `/v1/agents/${made.id}`
  const variables = () => toolVariables(bindings.DB, configOf(bindings), { organization_id, agent_id: made.id })
  expect(await variables()).toEqual({ A: 'hush-1', B: 'hush-2' })
  const changed = await shown('PATCH', path, { tool_exec_environment_variables: { C: 'hush-3' } })
  expect(changed.secrets).toMatchObject([{ key: 'C', value: '', value_enc: null }])
  expect(changed.tool_exec_environment_variables).toEqual(changed.secrets)
  expect(await variables()).toEqual({ C: 'hush-3' })
  await shown('PATCH', path, { description: 'as before' })
  await shown('GET', `${path}?include=agent.secrets`)
  await shown('GET', `${path}?include_relationships=tool_exec_environment_variables`)
  await shown('GET', '/v1/agents?include=agent.secrets')
  await shown('GET', `/v1/blocks/${block.id}/agents?include=agent.secrets`)
  const tool = (await call('GET', '/v1/tools?name=memory_insert')).body[0]
  await shown('PATCH', `${path}/tools/detach/${tool.id}`)
  await shown('PATCH', `${path}/core-memory/blocks/detach/${block.id}`)
  await shown('POST', `${path}/messages`, { input: '/say Nothing.' })
  await shown('GET', `${path}/context`)
  expect(JSON.stringify(answers)).not.toMatch(value)
  const { results } = await bindings.DB.prepare('select * from agent_environment_variables where agent_id = ?1').bind(made.id).all()
  expect(results).toMatchObject([{ key: 'C', value_enc: expect.stringMatching(/^v1\./) }])
  expect(JSON.stringify(results)).not.toMatch(value)
  await shown('PATCH', path, { secrets: {} })
  expect(await variables()).toEqual({})
})
