import { mergeLines } from './merge'
import { applyOperation, type BlockOperation, OperationError } from './operations'

/** A block's value at a version. */
export interface Seen {
  value: string
  version: number
}

/**
 * The value after an operation that was decided on seeing `seen` and meets `head`. Edits name what they change, so they are applied to the
 * head; a whole new value is merged by line with what others changed meanwhile. Throws `OperationError` when that would lose something.
 */
export function applyToHead(operation: BlockOperation, seen: Seen, head: Seen, label: string): string {
  const value = applyOperation(head.value, operation, label)
  if (operation.op !== 'set' || head.version === seen.version) return value
  const merged = mergeLines(seen.value, head.value, value)
  if (merged.clean) return merged.value
  const detail = `Memory block '${label}' was changed by someone else since you read it, in the same place. Nothing was written. Its value is now:\n${head.value}`
  throw new OperationError('changed_meanwhile', detail)
}
