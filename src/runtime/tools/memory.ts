import type { BlockOperation } from '../../memory/operations'
import type { Block } from '../types'
import { type BuiltinTool, optional, type ToolContext, ToolError, text } from './builtin'

/** The block of a label that the agent may edit. */
function editable({ config }: ToolContext, label: string): Block {
  const block = config.blocks.find((b) => b.label === label)
  if (!block) {
    throw new ToolError(`Block field ${label} does not exist (available sections = ${config.blocks.map((b) => b.label).join(', ')})`)
  }
  if (block.read_only) throw new ToolError('Error This block is read-only and cannot be edited.')
  return block
}

/** A tool that applies one operation to the head of a block and returns the block's new value. */
const editing = (operation: (args: Record<string, unknown>) => BlockOperation): BuiltinTool => ({
  run(args, context) {
    const block = editable(context, text(args, 'label'))
    const by = { agent_id: context.config.id, user_id: context.user_id, run_id: context.run_id, key: context.key }
    return context.services.editBlock(block, operation(args), by)
  },
})

const isInteger = (value: unknown): value is number => Number.isInteger(value)

/** The tools with which an agent edits its memory blocks (names and texts of the Letta built-ins). */
export const memoryTools: Record<string, BuiltinTool> = {
  core_memory_append: editing((args) => ({ op: 'append', content: text(args, 'content') })),
  core_memory_replace: editing((args) => ({ op: 'replace_all', old: text(args, 'old_content'), new: text(args, 'new_content') })),
  memory_replace: editing((args) => ({ op: 'str_replace', old: text(args, 'old_string'), new: text(args, 'new_string') })),
  memory_insert: editing((args) => ({
    op: 'insert_line',
    line: optional(args, 'insert_line', isInteger, 'an integer', -1),
    text: text(args, 'new_string'),
  })),
  memory_rethink: editing((args) => ({ op: 'set', value: text(args, 'new_memory') })),
}
