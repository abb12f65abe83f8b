import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigSchema } from '../../../src/env'
import { modelCatalog } from '../../../src/models'
import type { Model, ModelDelta } from '../../../src/runtime/model'
import { deltas, modelRequest, textOf } from '../../support/fakes/model-request'
import { type ModelServer, modelServer, Pause } from '../../support/fakes/model-server'
import { anthropicStream, chatStream } from '../../support/fakes/model-streams'

let server: ModelServer

beforeEach(async () => {
  server = await modelServer()
})
afterEach(() => server.close())

const modelWith = (seconds: number): Model =>
  modelCatalog(ConfigSchema.parse({ OPENAI_BASE_URL: `${server.url}/v1`, MODEL_TIMEOUT_SECONDS: seconds }))('openai/m')

test('a server that never answers times out, and its request is ended', async () => {
  server.answer({ silent: true })
  await expect(deltas(modelWith(0.1), modelRequest())).rejects.toMatchObject({
    type: 'llm_timeout',
    message: expect.stringContaining('MODEL_TIMEOUT_SECONDS'),
    options: { transient: true },
  })
  await server.received[0]!.gone
})

test('a response that falls silent times out after what it said', async () => {
  server.answer({ events: [...chatStream([{ content: 'Half' }]).slice(0, 2), 'hang'] })
  const said: ModelDelta[] = []
  const run = async () => {
    for await (const delta of modelWith(0.15).stream(modelRequest(), new AbortController().signal)) said.push(delta)
  }
  await expect(run()).rejects.toMatchObject({ type: 'llm_timeout', options: { transient: true } })
  expect(textOf(said)).toBe('Half')
  await server.received[0]!.gone
})

test('a slow response is not a silent one: the time counts from the last word', async () => {
  const pause = new Pause(120)
  const [opening, ...rest] = chatStream([{ content: 'a' }, { content: 'b' }, { content: 'c' }])
  server.answer({ events: [opening!, ...rest.flatMap((chunk) => [pause, chunk])] })
  expect(textOf(await deltas(modelWith(0.3), modelRequest()))).toBe('abc')
})

test('Anthropic’s pings count as signs of life', async () => {
  const [start, ping, ...rest] = anthropicStream(
    [{ start: { type: 'text', text: '' }, deltas: [{ type: 'text_delta', text: 'At last.' }] }],
    'end_turn',
    { input_tokens: 1, output_tokens: 1 },
    { output_tokens: 2 },
  )
  const pause = new Pause(120)
  server.answer({ events: [start!, ping!, pause, ping!, pause, ping!, pause, ...rest] })
  const config = { ANTHROPIC_BASE_URL: `${server.url}/v1`, ANTHROPIC_API_KEY: 'k', MODEL_TIMEOUT_SECONDS: 0.3 }
  const claude = modelCatalog(ConfigSchema.parse(config))('anthropic/claude-sonnet-4-5')
  expect(textOf(await deltas(claude, modelRequest()))).toBe('At last.')
})

test('an abort while waiting throws the signal’s reason and ends the request', async () => {
  server.answer({ silent: true })
  const controller = new AbortController()
  const reason = new Error('cancelled by the user')
  const said = deltas(modelWith(60), modelRequest(), controller.signal)
  setTimeout(() => controller.abort(reason), 50)
  await expect(said).rejects.toBe(reason)
  await server.received[0]!.gone
})

test('an abort between words throws the signal’s reason, and nothing is asked of an aborted signal', async () => {
  server.answer({ events: [...chatStream([{ content: 'Half' }]).slice(0, 2), 'hang'] })
  const controller = new AbortController()
  const reason = { kind: 'deploy' }
  const run = async () => {
    for await (const _ of modelWith(60).stream(modelRequest(), controller.signal)) controller.abort(reason)
  }
  await expect(run()).rejects.toBe(reason)
  await server.received[0]!.gone
  await expect(deltas(modelWith(60), modelRequest(), controller.signal)).rejects.toBe(reason)
  expect(server.received).toHaveLength(1)
})

test('a reader that stops early ends the request, whatever the protocol', async () => {
  const half = [...chatStream([{ content: 'Half' }]).slice(0, 2), 'hang' as const]
  const block = { start: { type: 'text', text: '' }, deltas: [{ type: 'text_delta', text: 'Half' }] }
  const claudes = [...anthropicStream([block], 'end_turn', { input_tokens: 1, output_tokens: 1 }, {}).slice(0, 4), 'hang' as const]
  server.answer({ events: half }, { events: claudes })
  const config = ConfigSchema.parse({ ANTHROPIC_BASE_URL: `${server.url}/v1`, ANTHROPIC_API_KEY: 'k' })
  for (const model of [modelWith(60), modelCatalog(config)('anthropic/claude-sonnet-4-5')]) {
    for await (const delta of model.stream(modelRequest(), new AbortController().signal)) {
      expect(delta).toEqual({ type: 'text', text: 'Half' })
      break
    }
    await server.received.at(-1)!.gone
  }
})

test('a failed request is sent once: trying again is the caller’s affair', async () => {
  server.answer({ status: 503, body: { error: { message: 'busy' } } })
  await expect(deltas(modelWith(60), modelRequest())).rejects.toMatchObject({ options: { transient: true } })
  expect(server.received).toHaveLength(1)
})
