import Letta from '@letta-ai/letta-client'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { startApi } from './api'
import { methodsOf, sdkMethods } from './coverage'
import covered from './covered.json'
import { agentFiles } from './sdk/agent-files'
import { agents } from './sdk/agents'
import { approvals } from './sdk/approvals'
import { archives } from './sdk/archives'
import { blocks } from './sdk/blocks'
import { compaction } from './sdk/compaction'
import { conversations } from './sdk/conversations'
import { folders } from './sdk/folders'
import { hosted } from './sdk/hosted'
import { identities } from './sdk/identities'
import { mcpServers } from './sdk/mcp-servers'
import { messages } from './sdk/messages'
import { models } from './sdk/models'
import { patience } from './sdk/patience'
import { runs } from './sdk/runs'
import { streams } from './sdk/streams'
import { tools } from './sdk/tools'
import { traces } from './sdk/traces'

const api = await startApi({ MCP_TIMEOUT_SECONDS: '3' })

afterAll(() => api.stop())
afterEach(() => expect(api.violations(), 'answers that the OpenAPI document does not describe').toEqual([]))

const all = [...sdkMethods.core, ...sdkMethods.runtime, ...sdkMethods.cloudOnly]

describe('the official SDK', () => {
  it('has the methods that are counted here', () => {
    expect(all.toSorted()).toEqual([...methodsOf(new Letta({ baseURL: api.url })).keys()].toSorted())
    expect(all).toHaveLength(129)
  })
})

describe('the official SDK drives', () => {
  agents(api)
  agentFiles(api)
  archives(api)
  approvals(api)
  mcpServers(api)
  messages(api)
  models(api)
  streams(api)
  blocks(api)
  tools(api)
  conversations(api)
  folders(api)
  identities(api)
  runs(api)
  patience(api)
  compaction(api)
  traces(api)
})

describe('of what only the hosted service has', () => hosted(api))

describe('coverage', () => {
  it('is what it was: a method that works goes on working, and one that begins to is written down', () => {
    const works = all.filter((method) => api.called.has(method))
    const served = all.length - sdkMethods.cloudOnly.length
    console.log(`SDK methods covered: ${works.length} / ${all.length} (${served} without those of the hosted service only)`)
    expect(works, 'test/contract/covered.json').toEqual(covered)
  })
})
