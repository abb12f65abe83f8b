import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allPages, bodyOf, type Call, client, until } from '../support/retry'
import { type RunningServer, startServer } from '../support/server'
import { type Frame, readFrames } from '../support/sse'

const sentence = 'one two three four five six seven eight nine ten eleven twelve'
/** About two seconds of talk: a first response with a call, then words with pauses, then the rest. */
const script = [
  '/say first of all',
  `/call core_memory_append ${JSON.stringify({ label: 'notes', content: 'told while streaming' })}`,
  '/stream 4',
  '/say half',
  '/wait 1200ms',
  `/say ${sentence}`,
].join('\n')

let server: RunningServer
let call: Call
beforeAll(async () => {
  server = await startServer()
  call = client(server)
})
afterAll(() => server.stop())

/** An open stream that is read frame by frame. */
interface Reading {
  frames: Frame[]
  done: boolean
  /** Reads until `enough` is true of the frames so far, the stream ends, or its connection breaks. */
  read(enough?: (frames: Frame[]) => boolean): Promise<Reading>
  /** Closes the connection, as a client that goes away. */
  leave(): void
}

async function open(path: string, body: unknown): Promise<Reading> {
  const connection = new AbortController()
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: connection.signal,
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/event-stream')])
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream() as never).getReader()
  let rest = ''
  const reading: Reading = {
    frames: [],
    done: false,
    async read(enough = () => false) {
      while (!enough(reading.frames)) {
        const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }))
        if (done) break
        const blocks = (rest + value).split('\n\n')
        rest = blocks.pop() ?? ''
        const whole = blocks.map((block) => `${block}\n\n`).join('')
        const parsed = await readFrames(new Blob([whole]).stream())
        reading.frames.push(...parsed.frames)
        reading.done ||= parsed.done
      }
      return reading
    },
    leave: () => connection.abort(),
  }
  return reading
}

const agentWithNotes = async (): Promise<string> => {
  const agent = {
    name: 'streams',
    memory_blocks: [{ label: 'notes', value: '' }],
    tools: ['core_memory_append'],
    include_base_tools: false,
  }
  return bodyOf(await call('POST', '/v1/agents', agent)).id
}
const request = (content: string, otid: string) => ({ messages: [{ role: 'user', content, otid }], streaming: true, stream_tokens: true })
const numbers = (frames: Frame[]) => frames.map(({ data }) => data.seq_id)
const from = (first: number, frames: Frame[]) => frames.map((_, i) => first + i)
const runOf = (frames: Frame[]): string => String(frames[0]?.data.run_id)
const isHalf = (frames: Frame[]) =>
  frames.some(({ data }) => data.message_type === 'assistant_message' && String(data.content).includes('half'))

/** Frames as every reader gets them: a ping is made for the one who reads it, and only its number and its run stay the same. */
const lasting = (frames: Frame[]) =>
  frames.map(({ event, data }) => ({ event, data: data.message_type === 'ping' ? { ...data, id: '', date: '' } : data }))

/** What a stream said, message by message: the pieces of each joined. */
function said(frames: Frame[]): Map<unknown, string> {
  const texts = new Map<unknown, string>()
  for (const { data } of frames) {
    if (data.message_type === 'assistant_message') texts.set(data.id, (texts.get(data.id) ?? '') + data.content)
  }
  return texts
}

/** The stored dialogue: the message, a response with a call, its return, the last words. Nothing of it is there twice. */
async function expectTold(agent: string, path: string): Promise<void> {
  const told = (await allPages(call, path)).slice(1)
  expect(told.map(({ message_type }) => message_type)).toEqual([
    'user_message',
    'assistant_message',
    'tool_call_message',
    'tool_return_message',
    'assistant_message',
  ])
  expect([told[1].content, told[4].content]).toEqual(['first of all', `half\n${sentence}`])
  expect(bodyOf(await call('GET', `/v1/agents/${agent}/core-memory/blocks/notes`))).toMatchObject({
    value: 'told while streaming',
    version: 2,
  })
}

const ended = (run: string) => until('the end of the run', async () => bodyOf(await call('GET', `/v1/runs/${run}`)).completed_at)

describe('a stream of a run', () => {
  it('may lose its reader: the run goes on, and can be read again from any event on', async () => {
    const agent = await agentWithNotes()
    const first = await (await open(`/v1/agents/${agent}/messages`, request(script, 'otid-left'))).read(isHalf)
    first.leave()
    const run = runOf(first.frames)
    const active = bodyOf(await call('GET', `/v1/runs/${run}`))
    expect([active.status, first.done]).toEqual(['running', false])
    const last = first.frames.at(-1)?.data.seq_id as number
    const follower = await (await open(`/v1/runs/${run}/stream`, { starting_after: last })).read()
    await ended(run)
    const whole = await (await open(`/v1/runs/${run}/stream`, { starting_after: 0 })).read()
    expect(numbers(first.frames)).toEqual(from(1, first.frames))
    expect(numbers(follower.frames)).toEqual(from(last + 1, follower.frames))
    expect(lasting(whole.frames)).toEqual(lasting([...first.frames, ...follower.frames]))
    expect([follower.done, whole.done]).toEqual([true, true])
    expect(whole.frames.slice(-2).map(({ data }) => data.message_type)).toEqual(['stop_reason', 'usage_statistics'])
    expect([...said(whole.frames).values()]).toEqual(['first of all', `half\n${sentence}`])
    await expectTold(agent, `/v1/agents/${agent}/messages?order=asc`)
    console.log(`streams: 1 run, its reader left after event ${last} of ${whole.frames.length}, 2 more readers`)
  })

  it('goes on after a kill where it was cut: numbered without a gap, what the cut response said given up, and closed', async () => {
    const agent = await agentWithNotes()
    const conversation = bodyOf(await call('POST', `/v1/conversations?agent_id=${agent}`, {})).id
    const alone = await agentWithNotes()
    const cut = await Promise.all([
      open(`/v1/conversations/${conversation}/messages`, request(script, 'otid-conversation')),
      open(`/v1/agents/${alone}/messages`, { ...request(script, 'otid-background'), background: true }),
    ])
    await Promise.all(cut.map((stream) => stream.read(isHalf)))
    await server.kill9()
    await Promise.all(cut.map((stream) => stream.read()))
    expect(cut.map(({ done }) => done)).toEqual([false, false])
    await server.restart()
    const resumes = [
      (after: number) => open(`/v1/conversations/${conversation}/stream`, { otid: 'otid-conversation', starting_after: after }),
      (after: number, run: string) => open(`/v1/runs/${run}/stream`, { starting_after: after }),
    ]
    for (const [i, resume] of resumes.entries()) {
      const { frames } = cut[i] as Reading
      const run = runOf(frames)
      const last = frames.at(-1)?.data.seq_id as number
      const rest = await (await resume(last, run)).read()
      const all = [...frames, ...rest.frames]
      expect(rest.done).toBe(true)
      expect(numbers(all)).toEqual(from(1, all))
      expect(all.map(({ data }) => data.run_id)).toEqual(all.map(() => run))
      expect(all.slice(-2).map(({ data }) => data.message_type)).toEqual(['stop_reason', 'usage_statistics'])
      const texts = [...said(all).values()]
      expect([texts.at(0), texts.at(-1)]).toEqual(['first of all', `half\n${sentence}`])
      expect(texts.slice(1, -1)).toEqual(['half'])
      const again = await (await open(`/v1/runs/${run}/stream`, {})).read()
      expect([lasting(again.frames), again.done]).toEqual([lasting(all), true])
      expect(bodyOf(await call('GET', `/v1/runs/${run}`))).toMatchObject({ status: 'completed', stop_reason: 'end_turn' })
    }
    await expectTold(agent, `/v1/conversations/${conversation}/messages?order=asc`)
    await expectTold(alone, `/v1/agents/${alone}/messages?order=asc`)
    console.log(`streams: 2 runs, 1 kill, cut after events ${cut.map(({ frames }) => frames.length).join(' and ')}, 4 readers`)
  })

  it('is the same for a request that is sent again under its otid', async () => {
    const agent = await agentWithNotes()
    const first = await (await open(`/v1/agents/${agent}/messages`, request(script, 'otid-again'))).read(isHalf)
    await server.restart()
    const again = await (await open(`/v1/agents/${agent}/messages`, request(script, 'otid-again'))).read()
    expect([runOf(again.frames), again.done]).toEqual([runOf(first.frames), true])
    expect(lasting(again.frames.slice(0, first.frames.length))).toEqual(lasting(first.frames))
    expect(numbers(again.frames)).toEqual(from(1, again.frames))
    await expectTold(agent, `/v1/agents/${agent}/messages?order=asc`)
    console.log('streams: 1 run, 1 kill, sent again under its otid')
  })
})
