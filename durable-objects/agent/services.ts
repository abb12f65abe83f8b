import { configOf, type Env } from '../../src/env'
import { applyToHead } from '../../src/memory/rebase'
import { changeBlock } from '../../src/resources/blocks/write'
import { grepForAgent } from '../../src/resources/files/agent-grep'
import { openForAgent } from '../../src/resources/files/agent-open'
import { searchForAgent } from '../../src/resources/files/agent-search'
import { callForAgent } from '../../src/resources/mcp-servers/call'
import { recallMessages } from '../../src/resources/messages/recall'
import { insertOnce, recallPassages } from '../../src/resources/passages/recall'
import type { ToolServices } from '../../src/runtime/ports'

/** What tools reach outside the object: blocks, passages, files and the history, all in D1, and MCP servers. */
export const servicesOf = (env: Env, organization_id: () => string, settled: () => Promise<void>): ToolServices => ({
  async editBlock(seen, operation, { agent_id, user_id, run_id, key }) {
    const by = {
      organization_id: organization_id(),
      actor_type: 'letta_agent' as const,
      actor_id: agent_id,
      user_id,
      run_id,
      operation_key: key,
    }
    const block = await changeBlock(env.DB, by, seen.id, (head) => ({ value: applyToHead(operation, seen, head, head.label) }))
    return block.value
  },
  async searchMessages(query) {
    // What was said a moment ago is searched too.
    await settled()
    return recallMessages(env, query)
  },
  insertPassage: (passage, by) => insertOnce(env, by, passage),
  searchPassages: (query) => recallPassages(env, query),
  openFiles: (opening) => openForAgent(env, opening),
  grepFiles: (grep) => grepForAgent(env, grep),
  searchFiles: (query) => searchForAgent(env, query),
  callMcpTool: (tool, args, agent_id) =>
    callForAgent({ env, config: configOf(env), organization_id: organization_id() }, tool, args, agent_id),
})
