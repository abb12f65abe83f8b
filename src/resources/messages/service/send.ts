import type { Ctx } from '../../../context'
import { AppError } from '../../../lib/errors'
import { backoff, sleep } from '../../../lib/time'
import { kindOfFailure } from '../../../runtime/failure'
import type { RunResult, RunState } from '../../../runtime/rpc'
import { filterTypes } from '../../../runtime/wire'
import type { LettaResponse } from '../../../runtime/wire-schema'
import { agentObject } from '../../agents/object'
import type { Context } from '../../conversations/service'
import { describeHandle } from '../../providers/models'
import type { SendRequest } from '../schema'
import { type TurnMode, turnRequest } from './request'

/** True for a call that was cut because its object moved or restarted: the object may not even have seen it. */
function isCut(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { retryable, durableObjectReset, overloaded } = error as Error & Record<string, unknown>
  return (retryable === true || durableObjectReset === true) && overloaded !== true
}

/**
 * Calls an agent's object again when the call was cut. Safe for requests, because every message and answer has an otid: a repeat finds the run that
 * the first call stored.
 */
export async function persistently<T>(call: () => Promise<T>, wait: (attempt: number) => Promise<void> = pause): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!isCut(error) || attempt === 3) throw error
      await wait(attempt)
    }
  }
}

const pause = (attempt: number) => sleep(backoff(attempt, 100, 2_000))

/** Where a request goes and how it runs. */
export interface Sending extends Context {
  request: SendRequest
  mode: TurnMode
  idempotency_key: string | null
}

async function submissionOf(ctx: Ctx, { conversation_id, request, mode, idempotency_key }: Sending) {
  const turn = turnRequest(ctx, request, mode)
  if (turn.override_model) await describeHandle(ctx, turn.override_model)
  return { conversation_id, idempotency_key, request: turn }
}

/** Runs a turn and waits for its end. */
export async function send(ctx: Ctx, sending: Sending): Promise<RunResult> {
  const submission = await submissionOf(ctx, sending)
  return persistently(() => agentObject(ctx, sending.agent_id).send(submission))
}

/** Stores a request as a run; the agent works on it by itself. */
export async function submit(ctx: Ctx, sending: Sending): Promise<RunState> {
  const submission = await submissionOf(ctx, sending)
  return persistently(() => agentObject(ctx, sending.agent_id).submit(submission))
}

/** How a reader wants to see a run. */
export interface Reading {
  starting_after?: number | null | undefined
  include_pings?: boolean | null | undefined
  include_return_message_types?: string[] | null | undefined
}

/** A run as server-sent events: what happened after `starting_after`, then what happens, until its end. */
export async function streamRun(ctx: Ctx, agentId: string, runId: string, reading: Reading): Promise<ReadableStream<Uint8Array>> {
  const view = {
    after: reading.starting_after ?? 0,
    pings: reading.include_pings ?? true,
    types: reading.include_return_message_types ?? null,
  }
  return (await persistently(() => agentObject(ctx, agentId).stream(runId, view))).body
}

/** What a blocking request answers when the run has ended well. */
export const responseOf = (result: RunResult, types: string[] | null | undefined): LettaResponse => ({
  messages: filterTypes(result.messages, types),
  stop_reason: { message_type: 'stop_reason', stop_reason: result.stop_reason },
  usage: { message_type: 'usage_statistics', ...result.usage, run_ids: null },
  logprobs: null,
  turns: null,
})

/** The failure of a run as an error of the request. It was stored: sending the request again would only run the turn a second time. */
export function failureOf({ error, run }: RunResult): AppError | null {
  if (!error) return null
  const { type, message, detail } = error
  return new AppError(kindOfFailure(type), detail && detail !== message ? `${message} (${detail})` : message, {
    ...(type === 'pending_approval' ? { code: 'PENDING_APPROVAL' } : {}),
    error: { type, message, detail },
    run_id: run.id,
    headers: { 'x-should-retry': 'false' },
  })
}
