import {
  answeredReturn,
  answersAll,
  decisions,
  denials,
  keepAlive,
  nothingWaits,
  stillWaiting,
  type WaitingCall,
} from '../../src/runtime/approvals'
import type { OpenStep } from '../../src/runtime/ports'
import type { Approval, TurnRequest } from '../../src/runtime/types'
import { storeInput } from './input'
import { messages } from './messages'
import type { Run } from './runs'
import { steps } from './steps'
import { one, type Store } from './store'

/** A call that waits for an answer from outside, or did. */
export interface Waiting extends WaitingCall {
  step_id: string
  n: number
  /** The run that brought the answer. */
  answered_by: string | null
}

const select = 'select a.*, c.call from approvals a join calls c on c.step_id = a.step_id and c.n = a.n'

const read = (store: Store, condition: string, ...params: unknown[]): Waiting[] =>
  store.all(`${select} where ${condition} order by a.id`, ...params).map((row) => ({
    step_id: row.step_id as string,
    n: row.n as number,
    message_id: row.message_id as string,
    answered_by: row.answered_by as string | null,
    call: JSON.parse(row.call as string),
  }))

/** What is to be done with a request: run it as it says now, or show the run that is working on the same answer already. */
export type Ruling = { request: TurnRequest } | { same: string }

/**
 * Calls that wait for an answer from outside: `pending` from the end of the run that made them, `answered` from the acceptance of the run
 * that brings the answer, `settled` when their results are stored. In a conversation only the calls of one step are ever open. All of it
 * inside the caller's transaction.
 */
export const approvals = {
  /** The calls of a conversation that wait. */
  pending: (store: Store, conversation: string): Waiting[] => read(store, "a.conversation = ?1 and a.state = 'pending'", conversation),

  /** The runs that ended with calls that still wait; of one conversation, when given. */
  waitingRuns(store: Store, conversation?: string): string[] {
    const where = conversation === undefined ? '' : 'and conversation = ?1'
    const query = `select distinct run_id from approvals where state = 'pending' ${where} order by id`
    return store.all(query, ...(conversation === undefined ? [] : [conversation])).map((row) => row.run_id as string)
  },

  pendingOf: (store: Store, run_id: string): Waiting[] => read(store, "a.run_id = ?1 and a.state = 'pending'", run_id),

  /** True while calls of the run have no stored result. */
  isOpen: (store: Store, run_id: string): boolean =>
    one(store, "select 1 as yes from approvals where run_id = ?1 and state <> 'settled' limit 1", run_id) !== null,

  /** Notes the calls of a step that wait. */
  ask(store: Store, run: Run, step: OpenStep, message_id: string): void {
    for (const { n, state } of step.calls) {
      if (state !== 'waiting') continue
      store.all(
        "insert into approvals (step_id, n, conversation, run_id, message_id, state, requested_at) values (?1, ?2, ?3, ?4, ?5, 'pending', ?6)",
        step.id,
        n,
        run.conversation_id ?? '',
        run.id,
        message_id,
        store.now(),
      )
    }
  },

  /**
   * Judges a request by what waits. Throws `conflict` for a message while calls wait, and `bad_request` for an answer that does not name
   * exactly the calls that wait. The last answer may come again: it counts once, and when its run has ended the agent just goes on.
   */
  rule(store: Store, conversation: string, request: TurnRequest, isInProgress: (run_id: string) => boolean): Ruling {
    const { approval } = request
    const waiting = approvals.pending(store, conversation)
    if (!approval) {
      if (waiting[0]) throw stillWaiting(waiting[0].message_id)
      return { request }
    }
    if (waiting.length > 0) return { request: { ...request, approval: { ...approval, approvals: decisions(approval, waiting) } } }
    const last = lastAnswered(store, conversation)
    if (last.length === 0 || !answersAll(approval, last)) throw nothingWaits()
    // What else it says is new, and has its turn.
    if (request.input.length > 0) return { request: { ...request, approval: null } }
    const [by] = last.flatMap(({ answered_by }) => answered_by ?? [])
    if (by && isInProgress(by)) return { same: by }
    return { request: { ...request, approval: null, input: [keepAlive(approval.otid)] } }
  },

  /** Gives the calls that wait in a conversation to the run that answers them. */
  claim(store: Store, conversation: string, run_id: string): void {
    const query = "update approvals set state = 'answered', answered_by = ?2 where conversation = ?1 and state = 'pending'"
    store.all(query, conversation, run_id)
  },

  /** Stores the answer of a run: refused calls and those that the client ran have their results, the others are to be carried out. */
  begin(store: Store, run: Run): void {
    const { approval } = run.request
    if (!approval) return
    storeAnswer(store, run, approval.approvals, approval)
    conclude(store, read(store, "a.answered_by = ?1 and a.state = 'answered'", run.id), approval.approvals)
  },

  /** The step in progress of a run: its own, or the one whose calls its request answered. */
  openStep(store: Store, run_id: string): OpenStep | null {
    const own = steps.open(store, run_id)
    if (own) return own
    const row = one(store, "select step_id from approvals where answered_by = ?1 and state = 'answered' limit 1", run_id)
    return row && { ...steps.get(store, row.step_id as string), run_id, resumed: true }
  },

  /** Every call of a resumed step has its stored result: what else the request said follows. */
  settle(store: Store, run: Run, step_id: string): void {
    store.all("update approvals set state = 'settled' where step_id = ?1", step_id)
    storeInput(store, run)
  },

  /** Settles calls that nobody will answer: each is refused for `reason`, in the name of the run that made them. */
  giveUp(store: Store, run: Run, reason: string): void {
    const waiting = approvals.pendingOf(store, run.id)
    const step_id = waiting[0]?.step_id
    if (step_id === undefined) return
    const refusals = denials(
      waiting.map(({ call }) => call),
      reason,
    )
    storeAnswer(store, run, refusals, { otid: null, group_id: null })
    conclude(store, waiting, refusals)
    const tool_returns = steps.get(store, step_id).calls.flatMap(({ result }) => result ?? [])
    const name = tool_returns.length === 1 ? (tool_returns[0]?.name ?? null) : null
    const results = { role: 'tool' as const, content: [], tool_returns, name, run_id: run.id, step_id }
    messages.append(store, { id: run.agent_id }, run.conversation_id, [results])
    store.all("update approvals set state = 'settled' where step_id = ?1", step_id)
  },

  forget: (store: Store, run_id: string): void => void store.all('delete from approvals where run_id = ?1', run_id),
}

/** Gives calls what was answered to them: a result, or leave to be carried out. */
function conclude(store: Store, waiting: Waiting[], answers: Approval[]): void {
  const byId = new Map(answers.map((answer) => [answer.tool_call_id, answer]))
  for (const { step_id, n, call } of waiting) {
    const answer = byId.get(call.id)
    const result = answer && answeredReturn(call, answer)
    if (result) steps.finishCall(store, step_id, n, result)
    else if (answer) steps.intendCall(store, step_id, n)
  }
}

/** The calls of a conversation that were answered last. */
function lastAnswered(store: Store, conversation: string): Waiting[] {
  const last = one(store, 'select step_id from approvals where conversation = ?1 order by id desc limit 1', conversation)
  return last ? read(store, 'a.step_id = ?1', last.step_id) : []
}

function storeAnswer(store: Store, run: Run, answers: Approval[], { otid, group_id }: { otid: string | null; group_id: string | null }) {
  const answer = { role: 'approval' as const, content: [], approvals: answers, otid, group_id }
  messages.append(store, { id: run.agent_id }, run.conversation_id, [{ ...answer, run_id: run.id, created_by_id: run.user_id }])
}
