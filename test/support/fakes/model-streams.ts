import type { Chunk } from './model-server'

type Fields = Record<string, unknown>

/** Events of an OpenAI chat-completions stream: one per delta, then the reason, the usage and `[DONE]`. */
export function chatStream(content: Fields[], finish = 'stop', usage: Fields | null = null): Chunk[] {
  const frame = (choices: Fields[], more: Fields = {}): Fields => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_760_000_000,
    model: 'test-model',
    choices,
    ...more,
  })
  return [
    frame([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]),
    ...content.map((delta) => frame([{ index: 0, delta, finish_reason: null }])),
    frame([{ index: 0, delta: {}, finish_reason: finish }]),
    ...(usage ? [frame([], { usage })] : []),
    '[DONE]',
  ]
}

/** Events of an Anthropic messages stream: each block is its start and its deltas. */
export function anthropicStream(blocks: { start: Fields; deltas: Fields[] }[], stop: string, usage: Fields, output: Fields): Chunk[] {
  return [
    {
      type: 'message_start',
      message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-test', content: [], stop_reason: null, usage },
    },
    { type: 'ping' },
    ...blocks.flatMap(({ start, deltas }, index): Chunk[] => [
      { type: 'content_block_start', index, content_block: start },
      ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: output },
    { type: 'message_stop' },
  ]
}

/** Events of a Gemini stream: one candidate's parts per event, the last with the reason and the usage. */
export function geminiStream(parts: Fields[][], usage: Fields, finishReason = 'STOP'): Chunk[] {
  return parts.map((content, index) => ({
    candidates: [{ index: 0, content: { role: 'model', parts: content }, ...(index === parts.length - 1 ? { finishReason } : {}) }],
    ...(index === parts.length - 1 ? { usageMetadata: usage } : {}),
    modelVersion: 'gemini-test',
    responseId: 'r1',
  }))
}

/** Events of an OpenAI Responses stream: the given ones between `response.created` and `response.completed`. */
export function responsesStream(events: Fields[], usage: Fields): Chunk[] {
  const response = { id: 'resp_1', object: 'response', created_at: 1_760_000_000, model: 'gpt-5', status: 'in_progress', output: [] }
  return [
    { type: 'response.created', sequence_number: 0, response },
    { type: 'response.in_progress', sequence_number: 1, response },
    ...events.map((event, index) => ({ sequence_number: index + 2, ...event })),
    { type: 'response.completed', sequence_number: events.length + 2, response: { ...response, status: 'completed', usage } },
  ] as Chunk[]
}
