import { z } from 'zod'
import { pageQuery } from '../../lib/page'
import { isoText, queryFlag, queryList, queryText } from '../../lib/query'
import { MessageType } from '../../runtime/wire-schema'
import { SearchMode } from '../indexes/schema'

const optionalText = (description: string) => z.string().nullish().describe(description)
const flag = (description: string) => z.boolean().nullish().describe(description)

export const InputImageSource = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('url'), url: z.string().regex(/^(https?:|data:)/i, 'must be an http, https or data URL') }),
    z.object({ type: z.literal('base64'), media_type: z.string(), data: z.string().min(1), detail: z.string().nullish() }),
    z.object({
      type: z.literal('letta'),
      file_id: z.string(),
      media_type: z.string().nullish(),
      data: z.string().nullish(),
      detail: z.string().nullish(),
    }),
  ])
  .meta({ id: 'InputImageSource' })

/** A part of a message that a client sends. */
export const InputPart = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('text'), text: z.string(), signature: z.string().nullish() }),
    z.object({ type: z.literal('image'), source: InputImageSource }),
    z.object({
      type: z.literal('reasoning'),
      reasoning: z.string(),
      is_native: z.boolean().default(false),
      signature: z.string().nullish(),
    }),
    z.object({ type: z.literal('redacted_reasoning'), data: z.string() }),
    z.object({ type: z.literal('omitted_reasoning'), signature: z.string().nullish() }),
  ])
  .meta({ id: 'InputPart' })

const Content = z.union([z.string().min(1, 'must not be empty'), z.array(InputPart).min(1, 'must not be empty')])

/** A message that a client sends. */
export const MessageCreate = z
  .object({
    type: z.literal('message').nullish(),
    role: z.enum(['user', 'system', 'assistant']),
    content: Content.describe('Text, or parts: text and images.'),
    name: optionalText('Name of the sender.'),
    otid: z.string().min(1).max(255).nullish().describe("The client's own id of the message. Sent again, it names the first run."),
    sender_id: optionalText('Id of the sender: an identity or an agent.'),
    group_id: optionalText('Group that the message belongs to.'),
    batch_item_id: optionalText('Accepted and ignored.'),
  })
  .meta({ id: 'MessageCreate' })

const toolCallId = z.string().min(1).max(255).describe('The call that is answered.')

const Decision = z
  .object({
    type: z.literal('approval'),
    tool_call_id: toolCallId,
    approve: z.boolean().describe('Whether the call may be carried out.'),
    reason: optionalText('What the model is told of a refusal.'),
  })
  .meta({ id: 'ApprovalReturnCreate' })

const outputLines = z.array(z.string()).nullish()
const Result = z
  .object({
    type: z.literal('tool').default('tool'),
    tool_call_id: toolCallId,
    tool_return: z.union([z.string(), z.array(InputPart)]).describe('The result of a tool that the client ran: text, or parts.'),
    status: z.enum(['success', 'error']).default('success'),
    stdout: outputLines,
    stderr: outputLines,
  })
  .meta({ id: 'ToolReturnOfClient' })

/** Says which kind an answer is when the client left `type` out. */
const answerWithType = (item: unknown): unknown =>
  typeof item === 'object' && item !== null && !('type' in item && item.type)
    ? { ...item, type: 'tool_return' in item ? 'tool' : 'approval' }
    : item

const answered = {
  otid: z.string().min(1).max(255).nullish().describe("The client's own id of the answer. Sent again, it names the first run."),
  group_id: optionalText('Group that the message belongs to.'),
}
const ApprovalCreate = z
  .object({
    type: z.literal('approval'),
    approvals: z
      .array(z.preprocess(answerWithType, z.discriminatedUnion('type', [Decision, Result])))
      .nullish()
      .describe('An answer to each of the calls that wait: a decision, or the result of a tool that the client ran.'),
    approve: flag('Deprecated, for a single call: whether it may be carried out.'),
    approval_request_id: optionalText('Deprecated, with `approve`: the id of the call or of the approval request.'),
    reason: optionalText('Deprecated, with `approve`: what the model is told of a refusal.'),
    ...answered,
  })
  .refine(({ approvals, approve, approval_request_id }) => approvals || (approve != null && approval_request_id), {
    path: ['approvals'],
    message: 'is required: one answer for each call that waits (or, for a single call, `approve` with `approval_request_id`)',
  })
  .meta({ id: 'ApprovalCreate' })

const ToolReturnCreate = z
  .object({ type: z.literal('tool_return'), tool_returns: z.array(Result), ...answered })
  .meta({ id: 'ToolReturnCreate' })

/** Says which kind an item is when the client left `type` out. */
function withType(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || ('type' in item && item.type)) return item
  if ('tool_returns' in item) return { ...item, type: 'tool_return' }
  const isApproval = 'approvals' in item || 'approve' in item || 'approval_request_id' in item
  return { ...item, type: isApproval ? 'approval' : 'message' }
}

const InputItem = z.preprocess(
  withType,
  z.discriminatedUnion('type', [MessageCreate.extend({ type: z.literal('message').default('message') }), ApprovalCreate, ToolReturnCreate]),
)

const ClientTool = z
  .object({
    name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be a function name: letters, digits, _ and -, at most 64'),
    description: optionalText('What the tool does.'),
    parameters: z.record(z.string(), z.unknown()).nullish().describe('JSON schema of the arguments.'),
  })
  .meta({ id: 'ClientToolSchema' })

const ClientSkill = z
  .object({
    name: z.string().min(1),
    description: z.string().nullish(),
    location: z.string().min(1).describe('Path of the skill, such as skills/pdf/SKILL.md.'),
  })
  .meta({ id: 'ClientSkillSchema' })

/** A request to an agent. Unknown keys are ignored, as are the deprecated ones. */
export const SendRequest = z
  .object({
    messages: z.array(InputItem).min(1, 'must not be empty').nullish().describe('The messages. Exactly one of `messages` and `input`.'),
    input: Content.nullish().describe('One user message: text or parts. Exactly one of `messages` and `input`.'),
    max_steps: z.int().min(1).nullish().describe('Most model calls in the turn; 50 unless given.'),
    streaming: flag('Answer with server-sent events.'),
    stream_tokens: flag('Stream tokens instead of whole messages.'),
    include_pings: flag('Send a ping at once and while nothing happens. On unless false.'),
    background: flag('The run goes on when the reader leaves. (Every run does; the flag is kept on the run.)'),
    include_return_message_types: z.array(MessageType).nullish().describe('Message types to return; all unless given.'),
    override_model: optionalText('Handle of the model for this request only.'),
    override_system: optionalText('System prompt for this request only.'),
    system: optionalText('The same as `override_system`.'),
    use_assistant_message: flag('Show what agents of the older types say through a tool as assistant messages. On unless false.'),
    assistant_message_tool_name: optionalText('That tool; `send_message` unless given.'),
    assistant_message_tool_kwarg: optionalText('Its argument; `message` unless given.'),
    callback_url: optionalText('Where the end of the run is posted, signed by Standard Webhooks.'),
    client_tools: z
      .array(ClientTool)
      .nullish()
      .describe('Tools that the client runs, for this request only. A call of one ends the turn with `requires_approval`.'),
    client_skills: z.array(ClientSkill).nullish().describe('Skills of the client: told to the model with this request, never stored.'),
    agent_id: optionalText('With the conversation `default`: the agent whose own context it is.'),
  })
  .superRefine((request, ctx) => {
    const given = [request.messages, request.input].filter((value) => value != null).length
    if (given === 2)
      ctx.addIssue({ code: 'custom', path: [], message: "Cannot specify both 'input' and 'messages'. Use one or the other." })
    if (given === 0) ctx.addIssue({ code: 'custom', path: [], message: "Must specify either 'input' or 'messages'." })
    const otids = (request.messages ?? []).flatMap((item, i) => (item.otid ? [[item.otid, i] as const] : []))
    for (const [n, [otid, i]] of otids.entries()) {
      if (otids.findIndex(([other]) => other === otid) < n)
        ctx.addIssue({ code: 'custom', path: ['messages', i, 'otid'], message: `'${otid}' is the otid of two messages of this request` })
    }
  })
  .meta({ id: 'LettaStreamingRequest' })
export type SendRequest = z.output<typeof SendRequest>

/** How a reader takes up the stream of a run. */
export const ResumeRequest = z
  .object({
    agent_id: optionalText('With the conversation `default`: the agent whose own context it is.'),
    run_id: optionalText('The run. Wins over `otid`.'),
    otid: optionalText('The otid of one of the messages that the run answers.'),
    starting_after: z.int().min(0).nullish().describe('The last `seq_id` that the reader has; 0 for all.'),
    include_pings: flag('Send a ping while nothing happens. On unless false.'),
    poll_interval: z.number().nullish().describe('Ignored: nothing is polled.'),
    batch_size: z.int().nullish().describe('Ignored.'),
  })
  .meta({ id: 'RetrieveStreamRequest' })
export type ResumeRequest = z.output<typeof ResumeRequest>

export const CancelRequest = z
  .object({ run_ids: z.array(z.string()).nullish().describe('Runs to cancel; all of the agent that are in progress unless given.') })
  .meta({ id: 'CancelAgentRunRequest' })

export const ResetRequest = z
  .object({
    add_default_initial_messages: flag('Accepted. Agents of this server begin with their system message alone, so it adds nothing.'),
  })
  .meta({ id: 'ResetMessagesRequest' })

const listFields = {
  include_return_message_types: queryList(MessageType, 'Message types to return; all unless given.'),
  include_compaction_messages: queryFlag(
    'Show summaries as `summary_message`; as user messages unless true, or unless that type is asked for.',
  ),
  include_err: queryFlag('`false` leaves out messages that report an error.'),
}
const contextFields = {
  ...listFields,
  group_id: queryText('Only messages of this group.'),
  use_assistant_message: queryFlag('Deprecated and ignored: messages are shown as their request asked for.'),
  assistant_message_tool_name: queryText('Deprecated and ignored.'),
  assistant_message_tool_kwarg: queryText('Deprecated and ignored.'),
}
export const AgentMessagesQuery = pageQuery({ limit: 100 }).extend({
  ...contextFields,
  conversation_id: queryText("Only this conversation; `default` is the agent's own context. All of the agent's messages unless given."),
})
export const ConversationMessagesQuery = pageQuery({ limit: 100 }).extend({
  ...contextFields,
  agent_id: queryText('With the conversation `default`: the agent whose own context it is.'),
})
export const GroupMessagesQuery = pageQuery({ limit: 10 }).extend(listFields)
export const RunMessagesQuery = pageQuery({ limit: 100, order: 'asc' }).extend(listFields)
export const MessagesQuery = pageQuery({ limit: 100 }).extend({
  ...listFields,
  conversation_id: queryText('Only this conversation.'),
})

export const SearchRequest = z
  .object({
    query: z.string().max(10_000).describe('What to look for: words, "phrases in quotes", beginnings of words (`migrat*`).'),
    agent_id: optionalText('Only messages of this agent.'),
    conversation_id: optionalText("Only messages of this conversation; with `agent_id`, `default` is the agent's own context."),
    start_date: isoText('Only messages from this date or instant on.').nullish(),
    end_date: isoText('Only messages up to this date (its whole day) or instant.').nullish(),
    limit: z.int().min(1).max(100).default(50),
    search_mode: SearchMode.default('hybrid'),
  })
  .meta({ id: 'MessageSearchRequest' })
export type SearchRequest = z.output<typeof SearchRequest>

/** How a message was found. */
const places = {
  fts_rank: z.int().nullable().describe('Place by words, from 1; null when it is not among them.'),
  vector_rank: z.int().nullable().describe('Place by meaning, from 1; null when it is not among them.'),
  rrf_score: z
    .number()
    .describe(
      'Reciprocal rank fusion: 1 / (60 + place) by words, times the share of the query that is held, and half of 1 / (60 + place) by meaning; in full where only one of the two searched.',
    ),
}

const searchedRoles = ['user', 'assistant', 'tool', 'summary'] as const

/** The older form of a search of messages. */
export const OlderSearchRequest = SearchRequest.extend({
  query: SearchRequest.shape.query.nullish().describe('What to look for; the newest messages unless given.'),
  roles: z.array(z.enum(searchedRoles)).nullish().describe('Only messages of these roles; of users and assistants unless given.'),
  project_id: optionalText('Only messages of agents of this project.'),
  template_id: optionalText('Only messages of agents of this template.'),
  limit: z.int().min(1).max(100).default(10),
}).meta({ id: 'OlderMessageSearchRequest' })
export type OlderSearchRequest = z.output<typeof OlderSearchRequest>

export const OlderMessageSearchHit = z
  .object({
    embedded_text: z.string(),
    message: z.record(z.string(), z.unknown()).describe('The message in its internal form.'),
    ...places,
  })
  .meta({ id: 'OlderMessageSearchHit' })
export type OlderMessageSearchHit = z.output<typeof OlderMessageSearchHit>

const hit = {
  message_id: z.string(),
  created_at: z.string(),
  agent_id: z.string().nullable(),
  conversation_id: z.string().nullable(),
  search_mode: SearchMode.describe('How it was found: `fts` also where `hybrid` was asked for and there are no embeddings.'),
  ...places,
}
export const MessageSearchHit = z
  .discriminatedUnion('message_type', [
    z.object({ message_type: z.literal('user_message'), content: z.string(), ...hit }),
    z.object({ message_type: z.literal('assistant_message'), content: z.string(), ...hit }),
  ])
  .meta({ id: 'MessageSearchHit' })
export type MessageSearchHit = z.output<typeof MessageSearchHit>
