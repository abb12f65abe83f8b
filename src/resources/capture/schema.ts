import { z } from 'zod'

const object = z.record(z.string(), z.unknown())

export const CaptureRequest = z
  .object({
    provider: z.string().describe('Who was asked, such as `anthropic`. The form of the messages is told by themselves.'),
    model: z.string().describe('The model that answered.'),
    request_messages: z
      .array(object)
      .describe('What the provider was sent in this turn, in the form of OpenAI, Anthropic or Gemini. Instructions in it are left out.'),
    response_dict: object.describe('What it answered: its whole response, or the message alone.'),
  })
  .meta({ id: 'CaptureMessagesRequest' })
export type CaptureRequest = z.output<typeof CaptureRequest>
