import type { Row } from '../../db/rows'
import { uuidOf } from '../../lib/id'
import type { Millis } from '../../lib/time'
import type { ToolCall, ToolReturn } from '../../runtime/types'
import type { runMetrics, runs } from '../runs/table'
import type { stepMetrics, steps } from '../steps/table'
import type { Span } from './schema'

/** What is stored of a run that its trace is made of. */
export interface Traced {
  run: Row<typeof runs>
  metrics: Row<typeof runMetrics> | undefined
  steps: { step: Row<typeof steps>; metrics: Row<typeof stepMetrics> | null }[]
  /** Messages of the run that call tools or have their results. */
  messages: { step_id: string | null; tool_calls: ToolCall[]; tool_returns: ToolReturn[] }[]
}

const hex = (id: string): string => uuidOf(id).replaceAll('-', '')
const mask = 0xffff_ffff_ffff_ffffn
/** The id of the n-th span of a row: the random half of its uuid, counted on. */
const spanId = (id: string, n: bigint): string => ((BigInt(`0x${hex(id).slice(16)}`) + n) & mask).toString(16).padStart(16, '0')

const ns = (ms: number) => ms * 1e6

const present = (values: Record<string, unknown>) => Object.fromEntries(Object.entries(values).filter(([, value]) => value != null))

type Timed = Pick<Span, 'start_time_ns' | 'end_time_ns' | 'duration_ns'>
/** Reckoned in milliseconds: nanoseconds since the epoch are more than a number holds exactly. */
const timed = (start: Millis, duration_ns: number | null): Timed => ({
  start_time_ns: ns(start),
  end_time_ns: duration_ns === null ? null : ns(start + Math.round(duration_ns / 1e6)),
  duration_ns,
})

const statusOf = (status: string, message: unknown): Span['status'] => {
  const code = status === 'failed' ? 'ERROR' : status === 'completed' || status === 'success' ? 'OK' : 'UNSET'
  return { code, message: typeof message === 'string' ? message : status === 'cancelled' ? 'cancelled' : null }
}

function runSpan({ run, metrics }: Traced): Span {
  const error = run.metadata.error as { message?: unknown } | undefined
  const duration = metrics?.run_ns ?? run.total_duration_ns
  return {
    trace_id: hex(run.id),
    span_id: spanId(run.id, 0n),
    parent_span_id: null,
    name: `invoke_agent ${run.agent_id}`,
    kind: 'SERVER',
    ...timed(Date.parse(run.created_at), duration),
    attributes: present({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.id': run.agent_id,
      'gen_ai.conversation.id': run.conversation_id ?? 'default',
      'letta.run.id': run.id,
      'letta.run.type': run.metadata.run_type,
      'letta.run.status': run.status,
      'letta.run.stop_reason': run.stop_reason,
      'letta.run.background': run.background,
      'letta.run.ttft_ns': run.ttft_ns,
      'letta.run.steps': metrics?.num_steps,
    }),
    status: statusOf(run.status, error?.message),
  }
}

function stepSpans(traced: Traced, { step, metrics }: Traced['steps'][number]): Span[] {
  const common = { trace_id: hex(traced.run.id) }
  const began = metrics?.step_start_ms ?? Date.parse(step.created_at)
  const id = spanId(step.id, 0n)
  const status = statusOf(step.status, step.error_data?.message ?? step.error_type)
  const whole: Span = {
    ...common,
    span_id: id,
    parent_span_id: spanId(traced.run.id, 0n),
    name: 'agent_step',
    kind: 'INTERNAL',
    ...timed(began, metrics?.step_ns ?? null),
    attributes: present({
      'letta.step.id': step.id,
      'letta.step.number': step.sequence_id,
      'letta.step.status': step.status,
      'letta.step.stop_reason': step.stop_reason,
      'error.type': step.error_type,
    }),
    status,
  }
  if (metrics?.llm_request_start_ms == null) return [whole]
  const asked = metrics.llm_request_start_ms
  const answered = metrics.llm_request_ns !== null
  const chat: Span = {
    ...common,
    span_id: spanId(step.id, 1n),
    parent_span_id: id,
    name: `chat ${step.model}`,
    kind: 'CLIENT',
    ...timed(asked, metrics.llm_request_ns),
    attributes: present({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': step.provider_name,
      'gen_ai.request.model': step.model,
      'gen_ai.usage.input_tokens': answered ? step.prompt_tokens : null,
      'gen_ai.usage.output_tokens': answered ? step.completion_tokens : null,
      'server.address': step.model_endpoint,
      'letta.model.handle': step.model_handle,
      'error.type': answered ? null : step.error_type,
    }),
    status: answered ? statusOf('success', null) : status,
  }
  const calls = callsOf(traced, step.id)
  if (!answered || calls.length === 0) return [whole, chat]
  const failed = calls.some((call) => call.status === 'error')
  const tools: Span = {
    ...common,
    span_id: spanId(step.id, 2n),
    parent_span_id: id,
    name: 'execute_tools',
    kind: 'INTERNAL',
    ...timed(asked + Math.round((metrics.llm_request_ns ?? 0) / 1e6), metrics.tool_execution_ns),
    attributes: { 'gen_ai.operation.name': 'execute_tool', 'letta.tool.calls': calls },
    status: { code: metrics.tool_execution_ns === null ? 'UNSET' : failed ? 'ERROR' : 'OK', message: null },
  }
  return [whole, chat, tools]
}

function callsOf({ messages }: Traced, stepId: string) {
  const ofStep = messages.filter((message) => message.step_id === stepId)
  const results = new Map(ofStep.flatMap((message) => message.tool_returns.map((result) => [result.tool_call_id, result.status] as const)))
  return ofStep.flatMap((message) =>
    message.tool_calls.map(({ id, name }) => ({ 'gen_ai.tool.call.id': id, 'gen_ai.tool.name': name, status: results.get(id) ?? null })),
  )
}

/** The spans of a run in the order in which they began: the run, each step, and in it the call of the model and its tools. */
export const spansOf = (traced: Traced): Span[] => [runSpan(traced), ...traced.steps.flatMap((step) => stepSpans(traced, step))]
