import { z } from 'zod'
import { stopReasons } from './types'

/** The shapes of the Letta API in which clients see messages, streams and results. Every optional key is present, as null. */

const text = () => z.string().nullable()

export const WireTextContent = z.object({ type: z.literal('text'), text: z.string(), signature: text() }).meta({ id: 'TextContent' })

const ImageSource = z.discriminatedUnion('type', [
  z.object({ type: z.literal('url'), url: z.string() }).meta({ id: 'UrlImage' }),
  z.object({ type: z.literal('base64'), media_type: z.string(), data: z.string(), detail: text() }).meta({ id: 'Base64Image' }),
  z.object({ type: z.literal('letta'), file_id: z.string(), media_type: text(), data: text(), detail: text() }).meta({ id: 'LettaImage' }),
])
export const WireImageContent = z.object({ type: z.literal('image'), source: ImageSource }).meta({ id: 'ImageContent' })

const UserContent = z.union([z.string(), z.array(z.discriminatedUnion('type', [WireTextContent, WireImageContent]))])
const AssistantContent = z.union([z.string(), z.array(WireTextContent)])

export const WireToolCall = z
  .object({ name: z.string(), arguments: z.string().describe('JSON text, as the model wrote it.'), tool_call_id: z.string() })
  .meta({ id: 'ToolCall' })
export type WireToolCall = z.infer<typeof WireToolCall>

export const WireToolCallDelta = z
  .object({ name: text().optional(), arguments: text().optional(), tool_call_id: text().optional() })
  .meta({ id: 'ToolCallDelta', description: 'A piece of a tool call in a token stream. Pieces of one call share its id.' })
export type WireToolCallDelta = z.infer<typeof WireToolCallDelta>

const status = z.enum(['success', 'error'])
const outputLines = z.array(z.string()).nullable()

export const WireToolReturn = z
  .object({
    type: z.literal('tool'),
    tool_return: UserContent,
    status,
    tool_call_id: z.string(),
    stdout: outputLines,
    stderr: outputLines,
  })
  .meta({ id: 'ToolReturn' })
export type WireToolReturn = z.infer<typeof WireToolReturn>

export const WireApproval = z
  .object({ type: z.literal('approval'), tool_call_id: z.string(), approve: z.boolean(), reason: text() })
  .meta({ id: 'ApprovalReturn' })
export type WireApproval = z.infer<typeof WireApproval>

const base = {
  id: z.string().describe('Id of the stored message. The parts of one message share it; `otid` tells them apart.'),
  date: z.string().describe('ISO-8601.'),
  name: text(),
  otid: text(),
  sender_id: text(),
  step_id: text(),
  is_err: z.boolean().nullable(),
  seq_id: z.int().nullable().describe("Position in the run's event log, in streams."),
  run_id: text(),
}

export const SystemMessage = z
  .object({ ...base, message_type: z.literal('system_message'), content: z.string() })
  .meta({ id: 'SystemMessage' })
export const UserMessage = z.object({ ...base, message_type: z.literal('user_message'), content: UserContent }).meta({ id: 'UserMessage' })
export const AssistantMessage = z
  .object({ ...base, message_type: z.literal('assistant_message'), content: AssistantContent })
  .meta({ id: 'AssistantMessage' })
export const ReasoningMessage = z
  .object({
    ...base,
    message_type: z.literal('reasoning_message'),
    source: z.enum(['reasoner_model', 'non_reasoner_model']),
    reasoning: z.string(),
    signature: text(),
  })
  .meta({ id: 'ReasoningMessage' })
export const HiddenReasoningMessage = z
  .object({
    ...base,
    message_type: z.literal('hidden_reasoning_message'),
    state: z.enum(['redacted', 'omitted']),
    hidden_reasoning: text(),
  })
  .meta({ id: 'HiddenReasoningMessage' })

const calls = {
  tool_call: z.union([WireToolCall, WireToolCallDelta]).describe('Deprecated: the first of `tool_calls`.'),
  tool_calls: z.union([z.array(WireToolCall), WireToolCallDelta]).nullable(),
}
export const ToolCallMessage = z.object({ ...base, message_type: z.literal('tool_call_message'), ...calls }).meta({ id: 'ToolCallMessage' })
export const ApprovalRequestMessage = z
  .object({ ...base, message_type: z.literal('approval_request_message'), ...calls })
  .meta({ id: 'ApprovalRequestMessage' })
export const ToolReturnMessage = z
  .object({
    ...base,
    message_type: z.literal('tool_return_message'),
    tool_return: z.string().describe('Deprecated, as are the four below: the first of `tool_returns`.'),
    status,
    tool_call_id: z.string(),
    stdout: outputLines,
    stderr: outputLines,
    tool_returns: z.array(WireToolReturn).nullable(),
  })
  .meta({ id: 'ToolReturnMessage' })
export const ApprovalResponseMessage = z
  .object({
    ...base,
    message_type: z.literal('approval_response_message'),
    approvals: z.array(z.discriminatedUnion('type', [WireApproval, WireToolReturn])).nullable(),
    approve: z.boolean().nullable(),
    approval_request_id: text(),
    reason: text(),
  })
  .meta({ id: 'ApprovalResponseMessage' })

export const CompactionStats = z
  .object({
    trigger: z.string(),
    context_tokens_before: z.int().nullable().default(null),
    context_tokens_after: z.int().nullable().default(null),
    context_window: z.int(),
    messages_count_before: z.int(),
    messages_count_after: z.int(),
  })
  .meta({ id: 'CompactionStats' })
export type CompactionStats = z.infer<typeof CompactionStats>
export const SummaryMessage = z
  .object({ ...base, message_type: z.literal('summary_message'), summary: z.string(), compaction_stats: CompactionStats.nullable() })
  .meta({ id: 'SummaryMessage' })
export const EventMessage = z
  .object({
    ...base,
    message_type: z.literal('event_message'),
    event_type: z.literal('compaction'),
    event_data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'EventMessage' })

export const LettaMessage = z
  .discriminatedUnion('message_type', [
    SystemMessage,
    UserMessage,
    ReasoningMessage,
    HiddenReasoningMessage,
    ToolCallMessage,
    ToolReturnMessage,
    AssistantMessage,
    ApprovalRequestMessage,
    ApprovalResponseMessage,
    SummaryMessage,
    EventMessage,
  ])
  .meta({ id: 'LettaMessageUnion' })
export type LettaMessage = z.infer<typeof LettaMessage>

export const messageTypes = LettaMessage.options.map((option) => option.shape.message_type.value)
export const MessageType = z.enum(messageTypes).meta({ id: 'MessageType' })

export const StopReasonType = z.enum(stopReasons).meta({ id: 'StopReasonType' })
export const LettaStopReason = z
  .object({ message_type: z.literal('stop_reason'), stop_reason: StopReasonType })
  .meta({ id: 'LettaStopReason' })
export type LettaStopReason = z.infer<typeof LettaStopReason>

export const LettaUsageStatistics = z
  .object({
    message_type: z.literal('usage_statistics'),
    completion_tokens: z.int(),
    prompt_tokens: z.int(),
    total_tokens: z.int(),
    step_count: z.int(),
    run_ids: z.array(z.string()).nullable(),
    cached_input_tokens: z.int().nullable(),
    cache_write_tokens: z.int().nullable(),
    reasoning_tokens: z.int().nullable(),
    context_tokens: z.int().nullable().describe('Estimate of the tokens in the context now.'),
  })
  .meta({ id: 'LettaUsageStatistics' })
export type LettaUsageStatistics = z.infer<typeof LettaUsageStatistics>

export const LettaPing = z.object({ ...base, message_type: z.literal('ping') }).meta({ id: 'LettaPing' })
export type LettaPing = z.infer<typeof LettaPing>

export const LettaErrorMessage = z
  .object({
    message_type: z.literal('error_message'),
    run_id: z.string(),
    error_type: z.string(),
    message: z.string(),
    detail: text(),
    seq_id: z.int().nullable(),
  })
  .meta({ id: 'LettaErrorMessage' })
export type LettaErrorMessage = z.infer<typeof LettaErrorMessage>

/** Everything that a stream may carry in a `data:` line. */
export const LettaStreamingResponse = z
  .discriminatedUnion('message_type', [...LettaMessage.options, LettaPing, LettaErrorMessage, LettaStopReason, LettaUsageStatistics])
  .meta({ id: 'LettaStreamingResponse' })
export type LettaStreamingResponse = z.infer<typeof LettaStreamingResponse>

/** What a blocking request answers: the messages of the turn, without those of the request. */
export const LettaResponse = z
  .object({
    messages: z.array(LettaMessage),
    stop_reason: LettaStopReason,
    usage: LettaUsageStatistics,
    logprobs: z.null().describe('Token probabilities are not recorded.'),
    turns: z.null().describe('Token ids are not recorded.'),
    error: z
      .object({ type: z.string(), message: z.string(), detail: text() })
      .optional()
      .describe('Only of a turn that failed after its response had begun; else a failure is a problem.'),
    run_id: z.string().optional().describe('Beside `error`: the run that failed.'),
  })
  .meta({ id: 'LettaResponse' })
export type LettaResponse = z.infer<typeof LettaResponse>
