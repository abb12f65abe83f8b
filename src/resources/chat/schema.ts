import { z } from 'zod'

const Part = z
  .looseObject({
    type: z.string(),
    text: z.string().optional(),
    image_url: z.object({ url: z.string() }).optional(),
  })
  .meta({ id: 'ChatCompletionPart' })

const Message = z
  .object({
    role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
    content: z.union([z.string(), z.array(Part)]).nullish(),
  })
  .meta({ id: 'ChatCompletionMessage' })

export const ChatCompletionRequest = z
  .object({
    model: z.string().meta({ description: 'Id of the agent.', example: 'agent-123e4567-e89b-42d3-8456-426614174000' }),
    messages: z
      .array(Message)
      .min(1, 'must not be empty')
      .describe('Only the last message of the user is sent: the agent remembers the others.'),
    stream: z.boolean().nullish().describe('Answer with server-sent events.'),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  })
  .meta({
    id: 'ChatCompletionRequest',
    description: 'OpenAI’s request. Everything else in it is ignored: model, tools and settings are those of the agent.',
  })
export type ChatCompletionRequest = z.output<typeof ChatCompletionRequest>

const finish = z.enum(['stop', 'length']).describe('`length`: the model reached its limit of tokens.')
const Usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }).meta({ id: 'ChatCompletionUsage' })

export const ChatCompletion = z
  .object({
    id: z.string().describe('`chatcmpl-` and the id of the run.'),
    object: z.literal('chat.completion'),
    created: z.int().describe('Seconds since the epoch.'),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: finish,
      }),
    ),
    usage: Usage,
  })
  .meta({ id: 'ChatCompletion' })
export type ChatCompletion = z.output<typeof ChatCompletion>

export const ChatCompletionChunk = z
  .object({
    id: z.string(),
    object: z.literal('chat.completion.chunk'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
        logprobs: z.null(),
        finish_reason: finish.nullable(),
      }),
    ),
    usage: Usage.nullable().optional().describe('With `include_usage`: null but in the last chunk, which has no choice.'),
  })
  .meta({ id: 'ChatCompletionChunk' })
export type ChatCompletionChunk = z.output<typeof ChatCompletionChunk>
