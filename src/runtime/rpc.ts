import type { Outcome } from '../lib/errors'
import type { CapturedMessage } from './capture'
import type { CompactionSettings } from './compaction-schema'
import type { ModelRequest } from './model'
import type { InputMessage, Message, RunStatus, StopReason, ToolStatus, TurnRequest, Usage } from './types'
import type { LettaMessage } from './wire-schema'

/** On whose behalf an agent's object is called. The object refuses another organization as if the agent did not exist. */
export interface Scope {
  organization_id: string
  user_id: string
}

/** A request for one turn in one conversation (null: the agent's own context). */
export interface Submission {
  conversation_id: string | null
  request: TurnRequest
  /** `Idempotency-Key` of the HTTP request; the first run under a key is the answer to every later one, for good. */
  idempotency_key: string | null
}

/** A run as its object sees it. Instants are ISO-8601, durations nanoseconds. */
export interface RunState {
  id: string
  agent_id: string
  conversation_id: string | null
  status: RunStatus
  stop_reason: StopReason | null
  background: boolean
  stream_tokens: boolean
  callback_url: string | null
  metadata: Record<string, unknown>
  request_config: Record<string, unknown>
  created_at: string
  completed_at: string | null
  ttft_ns: number | null
  total_duration_ns: number | null
}

/** How a run ended: what a blocking request answers, and the result in a webhook. */
export interface RunResult {
  run: RunState
  messages: LettaMessage[]
  stop_reason: StopReason
  usage: Usage & { step_count: number; context_tokens: number | null }
  /** Set when the run failed. */
  error: { type: string; message: string; detail: string | null } | null
}

/** What a tool answered to a call that no model made. */
export interface DirectResult {
  status: ToolStatus
  /** What it returned; null when it failed. */
  func_return: unknown
  /** Why it failed. */
  stderr: string[]
}

/** What the model would be sent now, measured in tokens by estimate (bytes / 4). */
export interface ContextReport {
  context_window: number
  system: string
  core_memory: string
  tool_usage_rules: string
  directories: string
  metadata: string
  summary: string | null
  functions: { name: string; description: string | null; parameters: Record<string, unknown> }[]
  /** The messages in context, the system message first. */
  message_ids: string[]
  num_archival_memory: number
  num_recall_memory: number
}

/** What compacting a context came to. Counts include the system message. */
export interface CompactionResult {
  summary: string
  num_messages_before: number
  num_messages_after: number
}

/** A message that was said elsewhere. */
export type ImportedMessage = Pick<
  Message,
  'id' | 'role' | 'content' | 'tool_calls' | 'tool_returns' | 'approvals' | 'model' | 'name' | 'group_id' | 'created_at'
>

/** A piece of a history: at most a few megabytes, since it crosses RPC. */
export interface HistoryPart {
  messages: ImportedMessage[]
  /** The context afterwards, by the ids of messages; or the messages go to its end; null leaves it as it is. */
  context: string[] | 'append' | null
}

/**
 * What an agent's object can be asked. Every method answers with an `Outcome`: an expected failure is a value.
 * A `conversation_id` of null is the agent's own context.
 */
export interface AgentRpc {
  /** Compiles and stores the system message of a context that has none, followed by `initial`. Idempotent. */
  open(scope: Scope, conversation_id: string | null, initial?: InputMessage[]): Promise<Outcome<null>>
  /** Stores a request as a run and starts it when its turn comes. Returns once the run is stored, here and in D1. */
  submit(scope: Scope, submission: Submission): Promise<Outcome<RunState>>
  /** Submits and waits for the end of the run. */
  send(scope: Scope, submission: Submission): Promise<Outcome<RunResult>>
  /** Waits for the end of a run. */
  result(scope: Scope, run_id: string): Promise<Outcome<RunResult>>
  /** The run's events after sequence number `after`, as server-sent events, until the run has ended. */
  stream(
    scope: Scope,
    run_id: string,
    view: { after: number; pings: boolean; types: string[] | null },
  ): Promise<Outcome<{ body: ReadableStream<Uint8Array> }>>
  /** The run of an otid, else the latest run in progress of a context; null when there is none. */
  find(scope: Scope, by: { conversation_id: string | null; otid?: string | null }): Promise<Outcome<RunState | null>>
  /**
   * Cancels the named runs, else all in progress (of the conversation, when given) and those that ended with calls that wait, in the
   * conversation or else in the agent's own context. Answers run id → status.
   */
  cancel(scope: Scope, which: { run_ids?: string[]; conversation_id?: string | null }): Promise<Outcome<Record<string, string>>>
  /** Cuts the agent's own context back to its system message, followed by `initial`. The messages stay in the history. */
  reset(scope: Scope, initial: InputMessage[]): Promise<Outcome<null>>
  /** Takes the messages of a group out of every context. They keep their places in the order. A run in progress there is a conflict. */
  dropGroup(scope: Scope, group_id: string): Promise<Outcome<null>>
  /** Replaces the agent's own context by these messages of the agent, the system message first. */
  setContext(scope: Scope, message_ids: string[]): Promise<Outcome<null>>
  /** Adds messages that were said elsewhere to the history. Messages whose ids are known are left out: a repeat changes nothing. */
  importHistory(scope: Scope, conversation_id: string | null, part: HistoryPart): Promise<Outcome<null>>
  /**
   * Gives the new conversation `to` the context of `from`, up to `message_id` when given, and a system message of its own. A response whose
   * calls wait stays behind: they are asked for once.
   */
  fork(scope: Scope, from: string | null, to: string, message_id?: string | null): Promise<Outcome<null>>
  /** Recompiles the system message and answers its text; `dry_run` stores nothing. */
  recompile(scope: Scope, conversation_id: string | null, options: { dry_run: boolean }): Promise<Outcome<string>>
  context(scope: Scope, conversation_id: string | null): Promise<Outcome<ContextReport>>
  /**
   * Puts a summary, written by a model, in the place of older messages of a context; they stay in the history. The settings are those of the
   * agent where they say nothing. A conflict while a turn is running, `bad_request` when the context would not get shorter.
   */
  compact(scope: Scope, conversation_id: string | null, settings: CompactionSettings | null): Promise<Outcome<CompactionResult>>
  /** The first request that a turn would send to its model, and the handle of that model. Nothing is stored. */
  preview(scope: Scope, submission: Submission): Promise<Outcome<{ handle: string; request: ModelRequest }>>
  /** Stores a turn that took place elsewhere at the end of the agent's own context. A conflict while a turn is running. Answers how many messages. */
  capture(scope: Scope, said: CapturedMessage[]): Promise<Outcome<number>>
  /** Runs a tool that the agent has, outside of any turn. Two calls with one `key` edit once. A tool's failure is a result. */
  runTool(scope: Scope, call: { name: string; args: Record<string, unknown>; key: string }): Promise<Outcome<DirectResult>>
  /** Forgets a conversation: cancels its runs and drops its context. */
  closeConversation(scope: Scope, conversation_id: string): Promise<Outcome<null>>
  /** Forgets a finished run and its events. A run in progress is a conflict. */
  deleteRun(scope: Scope, run_id: string): Promise<Outcome<null>>
  /** Cancels everything and erases the object. Called when the agent is deleted. */
  destroy(scope: Scope): Promise<Outcome<null>>
}
