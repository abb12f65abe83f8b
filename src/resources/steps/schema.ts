import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { isoText, queryFlag, queryList, queryText } from '../../lib/query'
import { stepStatuses } from '../../runtime/types'
import { StopReasonType } from '../../runtime/wire-schema'

const text = () => z.string().nullable()
const count = () => z.int().nullable()
const object = () => z.record(z.string(), z.unknown()).nullable()
const Feedback = z.enum(['positive', 'negative'])

/** One model call and the tool calls it asked for. */
export const Step = z
  .object({
    id: z.string(),
    organization_id: text(),
    run_id: text(),
    agent_id: text(),
    project_id: text(),
    origin: text(),
    provider_id: text(),
    provider_name: text(),
    provider_category: text(),
    model: text(),
    model_handle: text(),
    model_endpoint: text(),
    context_window_limit: count(),
    completion_tokens: count(),
    prompt_tokens: count(),
    total_tokens: count(),
    cached_input_tokens: count(),
    cache_write_tokens: count(),
    reasoning_tokens: count(),
    completion_tokens_details: object(),
    prompt_tokens_details: object(),
    stop_reason: StopReasonType.nullable(),
    tags: z.array(z.string()),
    tid: text(),
    trace_id: text(),
    request_id: text(),
    messages: z.array(z.unknown()).describe('Deprecated and empty: list the messages of the step.'),
    feedback: Feedback.nullable(),
    error_type: text(),
    error_data: object(),
    status: z.enum(stepStatuses),
  })
  .meta({ id: 'Step' })
export type Step = z.output<typeof Step>

export const StepQuery = pageQuery().extend({
  agent_id: queryText('Only steps of this agent.'),
  run_id: queryText('Only steps of this run.'),
  model: queryText('Only steps of this model, by the name of its provider.'),
  project_id: queryText('Only steps of this project.'),
  feedback: blankAsAbsent(Feedback.optional()).describe('Only steps with this feedback.'),
  has_feedback: queryFlag('Only steps with, or without, feedback.'),
  tags: queryList(z.string(), 'Only steps whose agent had one of these tags.'),
  trace_ids: queryList(z.string(), 'Only steps of these traces.'),
  start_date: blankAsAbsent(isoText('Only steps from this date or instant on.').optional()),
  end_date: blankAsAbsent(isoText('Only steps up to this date (its whole day) or instant.').optional()),
})
export type StepQuery = z.output<typeof StepQuery>

export const RunStepsQuery = pageQuery({ limit: 100 })

export const StepMetrics = z
  .object({
    id: z.string(),
    organization_id: text(),
    provider_id: text(),
    run_id: text(),
    agent_id: text(),
    step_start_ns: z.number().nullable().describe('Nanoseconds since the epoch, exact to the millisecond.'),
    llm_request_start_ns: z.number().nullable(),
    llm_request_ns: count(),
    tool_execution_ns: count(),
    step_ns: count(),
    base_template_id: text(),
    template_id: text(),
    project_id: text(),
  })
  .meta({ id: 'StepMetrics' })
export type StepMetrics = z.output<typeof StepMetrics>

/** What a system of yours calls a step, such as its line in a bill. */
export const TransactionId = z.string().min(1).max(255).meta({ description: 'Any text of up to 255 characters.', example: 'invoice-17' })

export const FeedbackRequest = z
  .object({
    feedback: Feedback.nullish().describe('Null takes the feedback back.'),
    tags: z.array(z.string()).nullish().describe('Replaces the tags of the step.'),
  })
  .meta({ id: 'ModifyFeedbackRequest' })
export type FeedbackRequest = z.output<typeof FeedbackRequest>
