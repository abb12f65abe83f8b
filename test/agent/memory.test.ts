import { describe, expect, it } from 'vitest'
import { changeBlock } from '../../src/resources/blocks/write'
import type { RunResult } from '../../src/runtime/rpc'
import { bindings, blockRow, freshAgent, freshBlock, freshScope, giveTools, send, storedMessages } from '../support/agent'

const call = (name: string, args: object) => `/call ${name} ${JSON.stringify(args)}`
const returnsOf = (result: RunResult) =>
  result.messages.flatMap((m) => (m.message_type === 'tool_return_message' ? (m.tool_returns ?? []) : []))
const editing = ['core_memory_append', 'core_memory_replace', 'memory_insert', 'memory_replace', 'memory_rethink']

async function rememberer(value = 'Name: Ada') {
  const scope = await freshScope()
  const agent = await freshAgent(scope)
  await giveTools(scope, agent, editing)
  const block = await freshBlock(scope, [agent], { label: 'human', value })
  return { scope, agent, block }
}

const systemText = async (agent: string) => {
  const [system] = await storedMessages(agent)
  return (JSON.parse(system?.content as string) as { text: string }[])[0]?.text ?? ''
}

describe('an agent that edits its memory', () => {
  it.each([
    ['core_memory_append', { label: 'human', content: 'Likes tea' }, 'Name: Ada\nLikes tea'],
    ['core_memory_replace', { label: 'human', old_content: 'Ada', new_content: 'Grace' }, 'Name: Grace'],
    ['memory_replace', { label: 'human', old_string: 'Ada', new_string: 'Grace' }, 'Name: Grace'],
    ['memory_insert', { label: 'human', new_string: '# Who', insert_line: 0 }, '# Who\nName: Ada'],
    ['memory_rethink', { label: 'human', new_memory: 'Nobody' }, 'Nobody'],
  ])('%s changes the block, makes a version by the agent, and answers the new value', async (tool, args, expected) => {
    const { scope, agent, block } = await rememberer()
    const result = await send(scope, agent, call(tool, args))
    expect(returnsOf(result)).toMatchObject([{ status: 'success', tool_return: expected }])
    expect(await blockRow(block)).toMatchObject({ value: expected, version: 2 })
    const history = await bindings.DB.prepare('select * from block_history where block_id = ?1 order by sequence_number').bind(block).all()
    expect(history.results).toMatchObject([
      { value: 'Name: Ada' },
      { value: expected, actor_type: 'letta_agent', actor_id: agent, run_id: result.run.id },
    ])
  })

  it('sees the new value in its next step, in the same system message', async () => {
    const { scope, agent } = await rememberer()
    const result = await send(scope, agent, call('core_memory_append', { label: 'human', content: 'Likes tea' }))
    expect(result.usage.step_count).toBe(2)
    expect(await systemText(agent)).toContain('Name: Ada\nLikes tea')
    expect((await storedMessages(agent)).filter((m) => m.role === 'system')).toHaveLength(1)
  })

  it('sees what another writer changed at the start of its next turn', async () => {
    const { scope, agent, block } = await rememberer()
    await send(scope, agent, 'hello')
    await bindings.DB.prepare('update block set value = ?2, version = version + 1 where id = ?1').bind(block, 'Name: Grace').run()
    await send(scope, agent, 'hello again')
    expect(await systemText(agent)).toContain('Name: Grace')
  })

  it.each([
    ['a read-only block', { read_only: true }, { label: 'human', content: 'x' }, 'Error This block is read-only and cannot be edited.'],
    ['a missing block', {}, { label: 'pets', content: 'x' }, 'Block field pets does not exist (available sections = human)'],
    ['a value over the limit', { limit: 10 }, { label: 'human', content: 'twelve chars' }, 'exceeds the limit (10)'],
  ])('is told why %s stays as it is', async (_, fields, args, expected) => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await giveTools(scope, agent, editing)
    const block = await freshBlock(scope, [agent], { label: 'human', value: 'Name: Ada', ...fields })
    const result = await send(scope, agent, call('core_memory_append', args))
    expect(returnsOf(result)).toMatchObject([{ status: 'error', tool_return: expect.stringContaining(expected) }])
    expect(await blockRow(block)).toMatchObject({ value: 'Name: Ada', version: 1 })
    expect(result.stop_reason).toBe('end_turn')
  })

  it('merges a whole new value with what was changed while it was being written, and is told when that cannot be', async () => {
    const { scope, agent, block } = await rememberer('# About\n\nName: Ada\n\nLikes: tea')
    const rethink = (value: string) => `/wait 200ms\n${call('memory_rethink', { label: 'human', new_memory: value })}`
    const meanwhile = async (value: string) => {
      await new Promise((resolve) => setTimeout(resolve, 80))
      const by = {
        organization_id: scope.organization_id,
        actor_type: 'letta_user' as const,
        actor_id: scope.user_id,
        user_id: scope.user_id,
      }
      await changeBlock(bindings.DB, by, block, () => ({ value }))
    }
    const [clean] = await Promise.all([
      send(scope, agent, rethink('# About\n\nName: Ada\n\nLikes: tea, chess')),
      meanwhile('# About Ada\n\nName: Ada\n\nLikes: tea'),
    ])
    expect(returnsOf(clean)).toMatchObject([{ status: 'success', tool_return: '# About Ada\n\nName: Ada\n\nLikes: tea, chess' }])
    const [clash] = await Promise.all([send(scope, agent, rethink('Name: Bob')), meanwhile('Name: Grace')])
    expect(returnsOf(clash)).toMatchObject([{ status: 'error', tool_return: expect.stringContaining('Name: Grace') }])
    expect(await blockRow(block)).toMatchObject({ value: 'Name: Grace' })
  })

  it('loses no edit to another agent that shares the block', async () => {
    const scope = await freshScope()
    const agents = [await freshAgent(scope), await freshAgent(scope)]
    for (const agent of agents) await giveTools(scope, agent, editing)
    const block = await freshBlock(scope, agents, { label: 'log', value: 'start' })
    const edits = agents.flatMap((agent, a) => Array.from({ length: 5 }, (_, i) => ({ agent, line: `agent ${a} line ${i}` })))
    await Promise.all(edits.map(({ agent, line }) => send(scope, agent, call('core_memory_append', { label: 'log', content: line }))))
    const row = await blockRow(block)
    const lines = String(row?.value).split('\n')
    expect(lines.slice().sort()).toEqual(['start', ...edits.map((e) => e.line)].sort())
    expect(row?.version).toBe(11)
  })
})

describe('conversation_search', () => {
  it('finds what was said a moment ago, in any conversation, and leaves out its own calls', async () => {
    const scope = await freshScope()
    const agent = await freshAgent(scope)
    await giveTools(scope, agent, ['conversation_search'])
    await send(scope, agent, 'my cat is called Schrödinger')
    const result = await send(scope, agent, call('conversation_search', { query: 'schrodinger', roles: ['user'] }))
    const found = JSON.parse(String(returnsOf(result)[0]?.tool_return))
    expect(found).toMatchObject({ results: [{ role: 'user', content: 'my cat is called Schrödinger' }, { role: 'user' }] })
  })
})
