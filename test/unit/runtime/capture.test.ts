import { describe, expect, it } from 'vitest'
import { capturedTurn } from '../../../src/runtime/capture'

const shapes = (requested: Record<string, unknown>[], response: Record<string, unknown>) =>
  capturedTurn('test/model', requested, response).map(({ role, content, tool_calls, tool_returns, model }) => ({
    role,
    ...(content.length > 0 ? { content } : {}),
    ...(tool_calls.length > 0 ? { tool_calls } : {}),
    ...(tool_returns.length > 0 ? { tool_returns } : {}),
    ...(model ? { model } : {}),
  }))

const question = { role: 'user', content: [{ type: 'text', text: 'What is the weather?' }] }
const asked = { role: 'assistant', tool_calls: [{ id: 'call-1', name: 'weather', arguments: '{"city":"Ulm"}' }], model: 'test/model' }
const told = { role: 'tool', tool_returns: [{ tool_call_id: 'call-1', name: 'weather', status: 'success', content: 'rain' }] }
const answered = { role: 'assistant', content: [{ type: 'text', text: 'It rains.' }], model: 'test/model' }

describe('a turn that took place elsewhere is stored alike, in whatever form it comes', () => {
  it('OpenAI’s chat completions', () => {
    const requested = [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: 'What is the weather?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call-1', type: 'function', function: { name: 'weather', arguments: '{"city":"Ulm"}' } }],
      },
      { role: 'tool', tool_call_id: 'call-1', content: 'rain' },
    ]
    const response = { id: 'chatcmpl-1', choices: [{ index: 0, message: { role: 'assistant', content: 'It rains.' } }] }
    expect(shapes(requested, response)).toEqual([question, asked, told, answered])
  })

  it('OpenAI’s responses', () => {
    const requested = [
      { role: 'user', content: [{ type: 'input_text', text: 'What is the weather?' }] },
      { type: 'function_call', call_id: 'call-1', name: 'weather', arguments: '{"city":"Ulm"}' },
      { type: 'function_call_output', call_id: 'call-1', output: 'rain' },
    ]
    const response = {
      output: [
        { type: 'reasoning', summary: [] },
        { type: 'message', content: [{ type: 'output_text', text: 'It rains.' }] },
      ],
    }
    expect(shapes(requested, response)).toEqual([question, asked, told, answered])
  })

  it('Anthropic’s messages', () => {
    const requested = [
      { role: 'user', content: 'What is the weather?' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'call-1', name: 'weather', input: { city: 'Ulm' } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call-1', content: [{ type: 'text', text: 'rain' }] }] },
    ]
    const response = { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'It rains.' }] }
    expect(shapes(requested, response)).toEqual([question, asked, told, answered])
  })

  it('Gemini’s contents, whose results are told by name', () => {
    const requested = [
      { role: 'user', parts: [{ text: 'What is the weather?' }] },
      { role: 'model', parts: [{ functionCall: { id: 'call-1', name: 'weather', args: { city: 'Ulm' } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { sky: 'rain' } } }] },
    ]
    const response = { candidates: [{ content: { role: 'model', parts: [{ text: 'It rains.' }] } }] }
    const inGemini = { ...told, tool_returns: [{ ...told.tool_returns[0], content: '{"sky":"rain"}' }] }
    expect(shapes(requested, response)).toEqual([question, asked, inGemini, answered])
  })
})

describe('a captured message', () => {
  it('keeps images, thoughts and failures, and leaves out what is none of them', () => {
    const requested = [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'image_url', image_url: { url: 'file:///etc/passwd' } },
          { type: 'input_audio', input_audio: { data: 'AAAA' } },
          { type: 'tool_result', tool_use_id: 'gone', is_error: true, content: 'No.' },
        ],
      },
    ]
    const response = {
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'sealed' },
        { type: 'text', text: 'A cat.' },
      ],
    }
    expect(shapes(requested, response)).toEqual([
      { role: 'tool', tool_returns: [{ tool_call_id: 'gone', name: 'tool', status: 'error', content: 'No.' }] },
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA', detail: null } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', reasoning: 'Hm.', is_native: true, signature: 'sealed' },
          { type: 'text', text: 'A cat.' },
        ],
        model: 'test/model',
      },
    ])
  })

  it('may be a response that is nothing but its text, and a turn may be empty', () => {
    expect(shapes([], { content: 'It rains.' })).toEqual([answered])
    expect(shapes([{ role: 'system', content: 'Be brief.' }, { role: 'user' }], {})).toEqual([])
  })
})
