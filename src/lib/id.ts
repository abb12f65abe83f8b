import { v7 as uuidv7 } from 'uuid'

/** Prefix of every public id, `<prefix>-<uuid v7>`. The prefixes are those of the Letta API, plus our own resources. */
export const idPrefixes = {
  agent: 'agent',
  agentSecret: 'agent-env',
  apiKey: 'key',
  archive: 'archive',
  batch: 'batch_req',
  batchItem: 'batch_item',
  block: 'block',
  blockVersion: 'block_hist',
  conversation: 'conv',
  conversationMessage: 'conv_msg',
  delivery: 'delivery',
  deliveryAttempt: 'attempt',
  file: 'file',
  fileAgent: 'file_agent',
  fileContent: 'file_content',
  group: 'group',
  identity: 'identity',
  job: 'job',
  mcpOauth: 'mcp-oauth',
  mcpServer: 'mcp_server',
  mcpTool: 'mcp-tool-mapping',
  message: 'message',
  model: 'model',
  organization: 'org',
  passage: 'passage',
  passageTag: 'passage-tag',
  ping: 'ping',
  provider: 'provider',
  providerTrace: 'provider_trace',
  run: 'run',
  sandbox: 'sandbox',
  sandboxVariable: 'sandbox-env',
  source: 'source',
  step: 'step',
  tool: 'tool',
  user: 'user',
} as const

export type IdKind = keyof typeof idPrefixes

/** A fresh id of the given kind. Ids made later by one isolate sort after earlier ones. */
export const newId = (kind: IdKind): string => `${idPrefixes[kind]}-${uuidv7()}`

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** Pattern of an id; any uuid version is accepted, since clients bring ids made elsewhere. */
export const idPattern = (kind: IdKind): RegExp => new RegExp(`^${idPrefixes[kind]}-${uuid}$`)

/** A uuid (version 8) made of the first 128 bits of a digest in hex. */
export const uuidFrom = (digest: string): string => digest.slice(0, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5')

/** The uuid of an id, without its prefix. */
export const uuidOf = (id: string): string => id.slice(-36)

/**
 * The `otid` of one part of a stored message: its uuid with the low seven bits replaced by the part's index (0…127),
 * so that a stream and a later list name the same part alike. Index -1 is the message itself.
 */
export function partOtid(messageId: string, index: number): string {
  const id = uuidOf(messageId)
  if (index < 0) return id
  const low = (Number.parseInt(id.slice(-2), 16) & 0x80) | (index & 0x7f)
  return id.slice(0, -2) + low.toString(16).padStart(2, '0')
}
