import type { CallToolResult } from '@modelcontextprotocol/client'

/** What a call came to. `text` holds every part of the result, in order. */
export interface McpResult {
  status: 'success' | 'error'
  text: string
}

/** Characters of base64 up to which a part is kept whole; of a larger one only its size is told. */
const inlineLimit = 4096

/** A part of a result that is no text, as JSON. */
function described(part: Record<string, unknown>): string {
  const { data, blob, ...rest } = part
  const binary = data ?? blob
  if (typeof binary !== 'string') return JSON.stringify(part)
  if (binary.length <= inlineLimit) return JSON.stringify(part)
  const padding = binary.endsWith('==') ? 2 : binary.endsWith('=') ? 1 : 0
  return JSON.stringify({ ...rest, bytes: (binary.length / 4) * 3 - padding })
}

function partText(part: CallToolResult['content'][number]): string {
  if (part.type === 'text') return part.text
  if (part.type !== 'resource') return described({ ...part })
  const { resource } = part
  return 'text' in resource ? JSON.stringify(part) : JSON.stringify({ ...part, resource: JSON.parse(described({ ...resource })) })
}

/** A result as text: text parts as they are, other parts as JSON, one a line; the structured content when there is nothing else. */
export function readResult(result: Pick<CallToolResult, 'content' | 'structuredContent' | 'isError'>): McpResult {
  const parts = (result.content ?? []).map(partText)
  if (parts.length === 0 && result.structuredContent !== undefined) parts.push(JSON.stringify(result.structuredContent))
  return { status: result.isError ? 'error' : 'success', text: parts.join('\n') || 'Empty response from tool' }
}
