import { z } from 'zod'
import { blankAsAbsent } from '../../lib/page'

const text = () => z.string().nullable()
const object = () => z.record(z.string(), z.unknown())

/** What was sent to the model in a step, and what it answered. */
export const ProviderTrace = z
  .object({
    id: z.string(),
    request_json: object().describe(
      'The body of the request, as the provider was sent it; when it was too long to keep, `cut` and the beginning of its `text`.',
    ),
    response_json: object().describe('What the model said, called and used, in the form in which messages are stored.'),
    step_id: text(),
    run_id: text(),
    agent_id: text(),
    agent_tags: z.array(z.string()).nullable(),
    call_type: text(),
    source: text(),
    org_id: text(),
    user_id: text(),
    compaction_settings: object().nullable(),
    llm_config: object().nullable(),
    billing_context: z.null(),
    latency_ms: z.number().nullable().describe('From the request to the end of the response.'),
    created_at: z.string(),
    updated_at: text(),
    created_by_id: text(),
    last_updated_by_id: text(),
  })
  .meta({ id: 'ProviderTrace' })
export type ProviderTrace = z.output<typeof ProviderTrace>

export const TraceQuery = z.object({
  limit: blankAsAbsent(z.coerce.number().int().min(1).max(1000).default(1000)).describe('Most spans, the first to begin.'),
})

const nanos = () => z.number().describe('Nanoseconds since the epoch, exact to the millisecond.')

/** A span of the trace of a run, with the names of OpenTelemetry and its conventions for generative AI. */
export const Span = z
  .object({
    trace_id: z.string().describe('The uuid of the run, in hex.'),
    span_id: z.string(),
    parent_span_id: z.string().nullable(),
    name: z.string().describe('`invoke_agent …`, `agent_step`, `chat …` or `execute_tools`.'),
    kind: z.enum(['INTERNAL', 'CLIENT', 'SERVER']),
    start_time_ns: nanos(),
    end_time_ns: nanos().nullable().describe('Null while it goes on.'),
    duration_ns: z.number().nullable(),
    attributes: z.record(z.string(), z.unknown()),
    status: z.object({ code: z.enum(['UNSET', 'OK', 'ERROR']), message: z.string().nullable() }),
  })
  .meta({ id: 'Span' })
export type Span = z.output<typeof Span>
