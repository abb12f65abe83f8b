import type { BlockOperation } from '../memory/operations'
import type { RunError, RunEvent } from './events'
import type { FileServices } from './files'
import type { Model } from './model'
import type {
  AgentConfig,
  Block,
  ContentPart,
  Message,
  StopReason,
  Tool,
  ToolCall,
  ToolReturn,
  ToolStatus,
  TurnRequest,
  Usage,
} from './types'

/** What a turn needs to know of its run. */
export interface TurnRun {
  id: string
  agent_id: string
  conversation_id: string | null
  user_id: string
  request: TurnRequest
  step_count: number
  usage: Usage
}

/** A call and how far it got: `waiting` for an answer from outside, `intended` before it runs, `started` once it does, `done` with its result. */
export interface JournalledCall {
  n: number
  call: ToolCall
  state: 'waiting' | 'intended' | 'started' | 'done'
  result: ToolReturn | null
}

/**
 * The step in progress of a run, as the journal has it: one of its own, or the one whose waiting calls its request answers, which an
 * earlier run made (`resumed`).
 */
export interface OpenStep {
  id: string
  run_id: string
  n: number
  resumed: boolean
  /** The id that the response has, or had when a crash cut it. */
  message_id: string | null
  /** The stored response; null while the model has not answered. */
  response: Message | null
  calls: JournalledCall[]
}

/** What a model answered. */
export interface Response {
  message_id: string
  content: ContentPart[]
  calls: ToolCall[]
  usage: Usage
  /** The body that the provider was sent, when it is known. */
  sent?: Record<string, unknown> | null
}

/** How a step ended; with a stop reason its run ends with it. */
export type StepEnd = { stop: StopReason | null }

/**
 * The agent's memory of what it did, and the log of its runs: every method is one synchronous transaction, and each throws `RunEnded` when the run is no
 * longer in progress, so that a cancelled turn cannot write.
 */
export interface Journal {
  openStep(run_id: string): OpenStep | null
  startStep(run: TurnRun, model: Model, tags: string[]): OpenStep
  /** A call of the model begins; its response will have this id. */
  startResponse(step: OpenStep, message_id: string): void
  emit(run_id: string, events: RunEvent[]): void
  /** Stores a response that calls tools, and the intent of every call. */
  respond(step: OpenStep, response: Response): OpenStep
  startCall(step: OpenStep, n: number): void
  finishCall(step: OpenStep, n: number, result: ToolReturn): void
  /** Ends a step whose response called no tools. `nudge` is a user message that makes the agent go on. */
  finishWithResponse(step: OpenStep, response: Response, nudge: string | null, end: StepEnd): void
  /** Ends a step whose calls all have results, in call order. After a resumed step the further messages of the request follow. */
  finishWithReturns(step: OpenStep, returns: ToolReturn[], end: StepEnd): void
  /** Ends a step and its run with calls that wait. Runs that were queued behind it cannot go on: they end too, and their ids are returned. */
  pause(step: OpenStep): string[]
  /** Ends a step without a response, and its run. */
  fail(run_id: string, step: OpenStep | null, stop: StopReason, error: RunError): void
  /** The newest messages of the context that hold at most `bytes` of text, oldest first, without the system message. */
  history(conversation_id: string | null, bytes: number): Message[]
  /** The messages of the turn so far: those of the run, and of the runs whose waiting calls it answered. */
  ofRun(run_id: string): Message[]
  /** The text of the context's system message, recompiled when what it shows has moved. */
  system(run: TurnRun, config: AgentConfig): string
}

/** Thrown by a journal when the run has ended meanwhile: the turn stops without another write. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded'
}

/** What a built-in tool may do. */
export interface ToolServices extends FileServices {
  /**
   * Applies an operation to the head of a block, merged with what others changed since the agent saw `block`. `key` makes a repeat of the
   * same edit count once. Returns the block's new value.
   */
  editBlock(
    block: Block,
    operation: BlockOperation,
    by: { agent_id: string; user_id: string; run_id: string | null; key: string },
  ): Promise<string>
  searchMessages(query: MessageQuery): Promise<FoundMessage[]>
  /** Stores a passage in the agent's archive, which is made when there is none. `key` makes a repeat of the same insert count once. */
  insertPassage(
    passage: { text: string; tags: string[] },
    by: { organization_id: string; agent_id: string; user_id: string; key: string },
  ): Promise<void>
  /** Passages of the agent's archive, found by words and by meaning, best match first. */
  searchPassages(query: PassageQuery): Promise<FoundPassage[]>
  /** Calls a tool of an MCP server, for an agent. Whatever goes wrong is the result. */
  callMcpTool(tool: Tool, args: Record<string, unknown>, agent_id: string): Promise<{ status: ToolStatus; text: string }>
}

export interface MessageQuery {
  organization_id: string
  agent_id: string
  query: string | null
  roles: string[] | null
  /** Only this conversation, `default` for the agent's own; null for all of them. */
  conversation_id: string | null
  start: string | null
  end: string | null
  limit: number
}

/** How something was found: its place by words and by meaning, from 1, null where it is not in that ranking, and the score of both fused. */
export interface Places {
  fts_rank: number | null
  vector_rank: number | null
  rrf_score: number
}

export interface FoundMessage {
  message: Message
  text: string
  /** Null when nothing was looked for. */
  places: Places | null
}

export interface PassageQuery {
  organization_id: string
  agent_id: string
  query: string
  tags: string[]
  tag_match_mode: 'any' | 'all'
  start: string | null
  end: string | null
  limit: number
}

export interface FoundPassage extends Places {
  id: string
  text: string
  tags: string[]
  created_at: string
}

/** What a turn needs of the world. */
export interface TurnPorts {
  journal: Journal
  /** The agent as it is now, in D1. Throws `not_found` when it was deleted. */
  load(run: TurnRun): Promise<AgentConfig>
  model(handle: string): Model | Promise<Model>
  services: ToolServices
  /** Sends what the journal owes to D1; nothing waits for it. */
  flush(): void
  /** Tells readers of the run that events were added. */
  wake(run_id: string): void
  /** Where the response in the making is kept, so that a cancel can store what was said. */
  partial: { current: { step: OpenStep; message_id: string; content: ContentPart[]; calls: ToolCall[] } | null }
  now(): number
  sleep(ms: number, signal: AbortSignal): Promise<void>
}
