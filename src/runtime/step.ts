import { AppError, isAppError, messageOf } from '../lib/errors'
import { equipped, waitsFor } from './approvals'
import { type Answer, ask } from './ask'
import type { RunError } from './events'
import { type Model, ModelError } from './model'
import { interruptedReturn } from './packaging'
import type { OpenStep, StepEnd, TurnPorts, TurnRun } from './ports'
import { prefillError, prefillProblem } from './prefill'
import { buildRequest, toolUses, usesOf } from './request'
import { constraintError } from './tool-rule-text'
import { afterCall, allowedTools, allowsParallelCalls, missingRequired, prefilledArguments } from './tool-rules'
import { isRepeatable, refused, runCall } from './tools'
import type { AgentConfig, StopReason, ToolCall, ToolReturn } from './types'

/** A turn that cannot go on: how its run ends. */
class TurnFailure extends Error {
  constructor(
    readonly stop: StopReason,
    readonly failure: RunError,
  ) {
    super(failure.message)
  }
}

const nudgeFor = (missing: string[]) =>
  JSON.stringify({ type: 'heartbeat', reason: `Before you end your response, call these tools: ${missing.join(', ')}.` })

/** Takes one step of a run, or takes up the one that a crash cut. Returns true when the run has ended. */
export async function takeStep(run: TurnRun, ports: TurnPorts, signal: AbortSignal): Promise<boolean> {
  let step: OpenStep | null = ports.journal.openStep(run.id)
  try {
    const config = equipped(await load(run, ports), run.request)
    if (!step?.response) {
      const model = await modelOf(run, config, ports)
      const request = (share: number) => {
        const built = buildRequest(run, config, model, ports, share)
        if (built) return built
        throw new TurnFailure('context_window_overflow_in_system_prompt', {
          type: 'context_window_overflow_in_system_prompt',
          detail: null,
          message: 'The system prompt and memory blocks alone fill the context window. Shorten them or raise the window.',
        })
      }
      step ??= ports.journal.startStep(run, model, config.tags)
      const waits = waitsFor(config, toolUses(ports.journal.ofRun(run.id)))
      const reply = await ask({ run, step, model, several: mayCallSeveral(config), waits, ports, signal }, request)
      signal.throwIfAborted()
      if (reply.calls.length === 0) return finish(run, step, reply, config, ports)
      step = ports.journal.respond(step, { ...reply, calls: reply.calls.map(spoken(run, config)) })
      ports.wake(run.id)
      ports.flush()
    }
    return await carryOut(run, step, config, ports, signal)
  } catch (error) {
    if (signal.aborted) throw error
    const failure = failureOf(error)
    if (!failure) throw error
    ports.journal.fail(run.id, step, failure.stop, failure.failure)
    ports.wake(run.id)
    return true
  }
}

async function load(run: TurnRun, ports: TurnPorts): Promise<AgentConfig> {
  try {
    return await ports.load(run)
  } catch (error) {
    if (isAppError(error) && error.kind === 'not_found')
      throw new TurnFailure('error', { type: 'internal_error', message: error.message, detail: null })
    throw error
  }
}

function modelOf(run: TurnRun, config: AgentConfig, ports: TurnPorts): Model | Promise<Model> {
  return ports.model(run.request.override_model ?? config.model)
}

const mayCallSeveral = (config: AgentConfig) =>
  config.model_settings?.parallel_tool_calls !== false && allowsParallelCalls(config.tool_rules)

/** The failure that an error means, or null when it is a defect or an outage, which is for the caller to handle. */
function failureOf(error: unknown): TurnFailure | null {
  if (error instanceof TurnFailure) return error
  if (error instanceof ModelError) {
    const stop = error.type === 'llm_empty_response' ? 'invalid_llm_response' : 'llm_api_error'
    return new TurnFailure(stop, { type: error.type, message: error.message, detail: error.options.detail ?? null })
  }
  if (error instanceof AppError || isAppError(error)) {
    const type = error.kind === 'not_found' ? 'llm_not_found' : 'llm_bad_request'
    return new TurnFailure('llm_api_error', { type, message: messageOf(error), detail: null })
  }
  return null
}

const speakingTypes = ['letta_v1_agent', 'sleeptime_agent']

/** True when agents of this type speak through a tool: the older types, whose every response is a call. */
export const speaksByTool = (config: AgentConfig): boolean => !speakingTypes.includes(config.agent_type)

/** Marks the calls through which an agent speaks. */
const spoken =
  ({ request: { assistant_tool } }: TurnRun, config: AgentConfig) =>
  (call: ToolCall): ToolCall =>
    assistant_tool && speaksByTool(config) && call.name === assistant_tool.name && !call.waits
      ? { ...call, speaks: assistant_tool.argument }
      : call

/** Ends a step whose response called no tools. */
function finish(run: TurnRun, step: OpenStep, reply: Answer, config: AgentConfig, ports: TurnPorts): boolean {
  const missing = missingRequired(
    config.tool_rules,
    config.tools.map((t) => t.name),
    toolUses(ports.journal.ofRun(run.id)),
  )
  const natural: StopReason = reply.reason === 'length' ? 'max_tokens_exceeded' : 'end_turn'
  const goesOn = missing.length > 0 && natural === 'end_turn'
  const end: StepEnd = { stop: goesOn ? atCap(run, step) : natural }
  ports.journal.finishWithResponse(step, reply, goesOn ? nudgeFor(missing) : null, end)
  ports.wake(run.id)
  return end.stop !== null
}

/** A resumed step was an earlier run's: it does not count. */
const atCap = ({ request }: TurnRun, step: OpenStep): StopReason | null =>
  !step.resumed && step.n >= request.max_steps ? 'max_steps' : null

/**
 * Runs the calls of a step that have no result yet. When none waits for an answer from outside, the step ends with all results in call
 * order; else the run ends here, and the results are kept until those that wait are answered.
 */
async function carryOut(run: TurnRun, step: OpenStep, config: AgentConfig, ports: TurnPorts, signal: AbortSignal): Promise<boolean> {
  const before = toolUses(ports.journal.ofRun(run.id))
  const names = config.tools.map((tool) => tool.name)
  const results = new Map<number, ToolReturn>(step.calls.flatMap(({ n, result }) => (result ? [[n, result] as const] : [])))
  let badPrefill = false
  const serve = async (n: number) => {
    const journalled = step.calls.find((c) => c.n === n)
    if (!journalled || journalled.state === 'waiting' || results.has(n)) return
    const { call, state } = journalled
    const tool = config.tools.find((t) => t.name === call.name)
    const prefill = prefilledArguments(config.tool_rules, before, call.name)
    const problem = prefill && tool ? prefillProblem(prefill.args, tool.parameters) : null
    const decide = async (): Promise<ToolReturn> => {
      if (state === 'started' && !isRepeatable(tool)) return interruptedReturn(call)
      // A call that waited was allowed when it was asked for.
      if (tool && !call.waits && !allowedTools(config.tool_rules, names, before).includes(call.name))
        return refused(call, constraintError(config.tool_rules, names, before, call.name))
      if (prefill && problem) {
        badPrefill = true
        return refused(call, prefillError(prefill.source, problem))
      }
      ports.journal.startCall(step, n)
      const { id: run_id, user_id, conversation_id } = run
      const key = `${step.id}/${n}`
      return runCall(call, prefill?.args ?? null, {
        config,
        user_id,
        run_id,
        conversation_id,
        key,
        services: ports.services,
        now: ports.now(),
      })
    }
    const result: ToolReturn = { ...(await decide()), ...(call.speaks === undefined ? {} : { speaks: true }) }
    signal.throwIfAborted()
    ports.journal.finishCall(step, n, result)
    results.set(n, result)
  }
  const parallel = (name: string) => config.tools.find((t) => t.name === name)?.enable_parallel_execution === true
  await Promise.all(step.calls.filter(({ call }) => parallel(call.name)).map(({ n }) => serve(n)))
  for (const { n } of step.calls) await serve(n)

  if (step.calls.some((call) => call.state === 'waiting')) {
    for (const ended of [run.id, ...ports.journal.pause(step)]) ports.wake(ended)
    return true
  }
  const returns = step.calls.flatMap(({ n }) => results.get(n) ?? [])
  const after = [...before, ...usesOf(returns)]
  const succeeded = returns.filter((r) => r.status === 'success').map((r) => r.name)
  const spokenTo = step.resumed && run.request.input.length > 0
  const stop: StopReason | null = badPrefill
    ? 'invalid_tool_call'
    : !spokenTo && afterCall(config.tool_rules, names, after, succeeded).stop
      ? 'tool_rule'
      : atCap(run, step)
  ports.journal.finishWithReturns(step, returns, { stop })
  ports.wake(run.id)
  return stop !== null
}
