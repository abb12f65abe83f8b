import type { StoredMessage } from './service/list'

/** A stored message in the API's internal form: what is empty is null. */
export function internalMessage(row: StoredMessage): Record<string, unknown> {
  const { organization_id: _, is_deleted: _d, text: _t, sequence_id: _s, ...message } = row
  const orNull = <T>(list: T[]) => (list.length > 0 ? list : null)
  return {
    ...message,
    tool_calls: orNull(
      row.tool_calls.map((call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } })),
    ),
    tool_returns: orNull(
      row.tool_returns.map((one) => ({
        tool_call_id: one.tool_call_id,
        status: one.status,
        func_response: one.content,
        stdout: one.stdout ?? null,
        stderr: one.stderr ?? null,
      })),
    ),
    approvals: orNull(row.approvals),
  }
}
