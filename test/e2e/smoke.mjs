import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import Letta from '@letta-ai/letta-client'
import { Webhook } from 'standardwebhooks'

// `node test/e2e/smoke.mjs <base URL>`: what a newcomer does first, with the official SDK. API_KEY is sent when it is set;
// with WEBHOOK_SECRET the webhook's signature is verified too.
const [baseURL] = process.argv.slice(2)
if (!baseURL) {
  console.error('usage: node test/e2e/smoke.mjs <base URL>')
  process.exit(2)
}
const client = new Letta({ baseURL, apiKey: process.env.API_KEY ?? 'none', maxRetries: 0, timeout: 30_000 })

const ofType = (messages, type) => messages.filter((message) => message.message_type === type)
const textOf = (message) =>
  typeof message?.content === 'string' ? message.content : (message?.content ?? []).map((part) => part.text ?? '').join('')
const marked = (text, index) => `${text} [${index}]`

async function step(name, work) {
  const started = performance.now()
  try {
    const result = await work()
    console.log(`OK ${name} (${(performance.now() - started).toFixed(0)} ms)`)
    return result
  } catch (error) {
    console.log(`FAILED ${name}`)
    throw error
  }
}

async function until(what, probe, limit = 20_000) {
  for (const started = performance.now(); performance.now() - started < limit; await delay(50)) {
    const value = await probe()
    if (value) return value
  }
  throw new Error(`${what}: not within ${limit} ms`)
}

async function receiver() {
  const calls = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    calls.push({ headers: request.headers, body })
    response.end('ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${server.address().port}/hook`, calls, close: () => server.close() }
}

async function smoke() {
  await step('the server is healthy', async () => assert.equal((await client.health()).status, 'ok'))

  const agent = await step('an agent with memory is created', async () => {
    const created = await client.agents.create({
      name: 'smoke',
      model: 'loci/scripted',
      memory_blocks: [
        { label: 'human', value: 'Name: Ada.' },
        { label: 'persona', value: 'I keep lists.' },
      ],
    })
    assert.match(created.id, /^agent-/)
    return created
  })

  await step('it answers', async () => {
    const { messages, stop_reason, usage } = await client.agents.messages.create(agent.id, { input: marked('hello', 1) })
    assert.match(textOf(ofType(messages, 'assistant_message')[0]), /hello \[1\]/)
    assert.equal(stop_reason.stop_reason, 'end_turn')
    assert.equal(usage.step_count, 1)
  })

  await step('it edits its own memory', async () => {
    const call = JSON.stringify({ label: 'human', new_string: 'Likes tea.' })
    const { messages } = await client.agents.messages.create(agent.id, {
      input: `${marked('remember', 2)}\n/call memory_insert ${call}\n/say noted`,
    })
    assert.equal(ofType(messages, 'tool_call_message')[0]?.tool_call.name, 'memory_insert')
    assert.equal(ofType(messages, 'tool_return_message')[0]?.status, 'success')
    const block = await client.agents.blocks.retrieve('human', { agent_id: agent.id })
    assert.match(block.value, /Name: Ada\.[\s\S]*Likes tea\./)
  })

  await step('it streams', async () => {
    const stream = await client.agents.messages.create(agent.id, { input: marked('stream this', 3), streaming: true, stream_tokens: true })
    let text = ''
    const seen = []
    for await (const event of stream) {
      seen.push(event.message_type)
      if (event.message_type === 'assistant_message') text += textOf(event)
    }
    assert.match(text, /stream this \[3\]/)
    for (const type of ['stop_reason', 'usage_statistics']) assert.ok(seen.includes(type), `the stream has no ${type}`)
  })

  const hook = await receiver()
  await step('it works in the background and calls back', async () => {
    const run = await client.agents.messages.createAsync(agent.id, { input: marked('later', 4), callback_url: hook.url })
    const ended = await until('the run ends', async () => {
      const current = await client.runs.retrieve(run.id)
      return ['completed', 'failed', 'cancelled'].includes(current.status) ? current : undefined
    })
    assert.equal(ended.status, 'completed')
    const [call] = await until('the webhook arrives', () => (hook.calls.length > 0 ? hook.calls : undefined))
    assert.equal(JSON.parse(call.body).run_id, run.id)
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) assert.ok(call.headers[name], `no ${name} header`)
    if (process.env.WEBHOOK_SECRET) new Webhook(process.env.WEBHOOK_SECRET).verify(call.body, call.headers)
  }).finally(() => hook.close())

  await step('its history is in order', async () => {
    const { items } = await client.agents.messages.list(agent.id, { order: 'asc', limit: 100 })
    const asked = ofType(items, 'user_message').map((message) => /\[(\d)\]/.exec(textOf(message))?.[1])
    assert.deepEqual(asked, ['1', '2', '3', '4'])
    assert.ok(ofType(items, 'assistant_message').length >= 4)
  })

  await step('it reads a file', async () => {
    const folder = await client.folders.create({ name: `smoke ${agent.id}` })
    await client.agents.folders.attach(folder.id, { agent_id: agent.id })
    const { id } = await client.folders.files.upload(folder.id, { file: new File(['Otters hold hands.'], 'otters.txt') })
    await until('the file is processed', async () => {
      const { processing_status } = await client.folders.files.retrieve(id, { folder_id: folder.id })
      return processing_status === 'completed'
    })
    const { files } = await client.agents.files.list(agent.id)
    assert.match(files[0]?.visible_content ?? '', /1: Otters hold hands\./)
    await client.folders.delete(folder.id)
  })

  await step('it is deleted', async () => {
    await client.agents.delete(agent.id)
    await assert.rejects(client.agents.retrieve(agent.id), { status: 404 })
  })
}

try {
  await smoke()
  console.log('OK smoke')
} catch (error) {
  console.error(error)
  process.exit(1)
}
