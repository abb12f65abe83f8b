import { applyToHead } from '../../src/memory/rebase'
import { changeBlock } from '../../src/resources/blocks/write'
import { recallMessages } from '../../src/resources/messages/recall'
import { insertOnce, recallPassages } from '../../src/resources/passages/recall'
import type { ToolServices } from '../../src/runtime/ports'

/** What built-in tools reach outside the object: blocks, passages and the history, all in D1. */
export const servicesOf = (d1: D1Database, organization_id: () => string, settled: () => Promise<void>): ToolServices => ({
  async editBlock(seen, operation, { agent_id, user_id, run_id, key }) {
    const by = {
      organization_id: organization_id(),
      actor_type: 'letta_agent' as const,
      actor_id: agent_id,
      user_id,
      run_id,
      operation_key: key,
    }
    const block = await changeBlock(d1, by, seen.id, (head) => ({ value: applyToHead(operation, seen, head, head.label) }))
    return block.value
  },
  async searchMessages(query) {
    // What was said a moment ago is searched too.
    await settled()
    return recallMessages(d1, query)
  },
  insertPassage: (passage, by) => insertOnce(d1, by, passage),
  searchPassages: (query) => recallPassages(d1, query),
})
