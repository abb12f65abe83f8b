import type { Ctx } from '../../../context'
import type { ImportedMessage } from '../../../runtime/rpc'
import { agentObject } from '../../agents/object'
import { resolveConversation } from '../../conversations/service'
import type { MessageInput } from '../input-message'
import { readMessages } from '../message'
import { readMessageInputs } from '../read-file'
import type { ImportMessages } from '../schema'
import { missingReturn } from '../settle'
import { messageIdFor } from './ids'

/** Characters of JSON that one call to an agent's object brings: far below what RPC takes (32 MiB), so that it is held twice at most. */
const partCharacters = 1_000_000
const idsAtOnce = 500

/** A history as it goes to an agent's object. */
export interface History {
  messages: ImportedMessage[]
  /** The context afterwards; `append` puts the messages at the end of what is there. */
  context: string[] | 'append'
}

/** New ids for the messages of a file, in their order. */
async function newIdsOf(agentId: string, conversationId: string | null, messages: { id: string }[]): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  for (let from = 0; from < messages.length; from += idsAtOnce) {
    const some = messages.slice(from, from + idsAtOnce)
    const made = await Promise.all(some.map(({ id }) => messageIdFor(agentId, conversationId, id)))
    for (const [i, { id }] of some.entries()) ids.set(id, made[i] as string)
  }
  return ids
}

/**
 * The history that messages of a file make. `context` names them by their ids in the file. Unless there is `more` to come, a call that
 * nobody can answer any more gets its return.
 */
export async function historyOf(
  of: { agent_id: string; conversation_id: string | null },
  messages: MessageInput[],
  context: string[] | 'append',
  groupOf: (id: string) => string | null,
  more = false,
): Promise<History> {
  const named = Array.isArray(context) ? context.map((id) => ({ id })) : []
  const ids = await newIdsOf(of.agent_id, of.conversation_id, [...messages, ...named])
  const read = readMessages(messages)
  const imported = read.map((message, i): ImportedMessage => {
    const { id, group_id } = messages[i] as MessageInput
    return { ...message, id: ids.get(id) as string, group_id: group_id === null ? null : groupOf(group_id) }
  })
  const inContext = context === 'append' ? imported.map((message) => message.id) : context.map((id) => ids.get(id) as string)
  const wanted = new Set(inContext)
  const answer = more ? null : missingReturn(imported.filter((message) => wanted.has(message.id)))
  if (!answer) return { messages: imported, context: context === 'append' ? context : inContext }
  return { messages: [...imported, answer], context: context === 'append' ? context : [...inContext, answer.id] }
}

/** The messages in parts of about a million characters. */
function partsOf(messages: ImportedMessage[]): ImportedMessage[][] {
  const parts: ImportedMessage[][] = [[]]
  let left = partCharacters
  for (const message of messages) {
    const size = JSON.stringify(message).length
    if (size > left && parts.at(-1)?.length) {
      parts.push([])
      left = partCharacters
    }
    parts.at(-1)?.push(message)
    left -= size
  }
  return parts
}

/** Hands a history to its agent's object, part by part; the last sets the context. A repeat changes nothing. */
export async function storeHistory(ctx: Ctx, agentId: string, conversationId: string | null, history: History): Promise<void> {
  const object = agentObject(ctx, agentId)
  const { messages, context } = history
  const leads = Array.isArray(context) && messages.some((message) => message.id === context[0] && message.role === 'system')
  // The system message comes first in the history too.
  if (!leads) await object.open(conversationId)
  const parts = partsOf(messages)
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1
    await object.importHistory(conversationId, { messages: part, context: last || context === 'append' ? context : null })
  }
}

/** Adds messages that were said elsewhere to a context of an agent, and answers with their ids. A repeat changes nothing. */
export async function importMessages(ctx: Ctx, agentId: string, request: ImportMessages): Promise<{ message_ids: string[] }> {
  const { more } = request
  const messages = readMessageInputs(request.messages)
  const of = await resolveConversation(ctx, request.conversation_id ?? agentId, agentId)
  const history = await historyOf(of, messages, request.in_context_message_ids ?? 'append', () => null, more ?? false)
  await storeHistory(ctx, agentId, of.conversation_id, history)
  return { message_ids: history.messages.map((message) => message.id) }
}
