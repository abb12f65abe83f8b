import { z } from 'zod'
import { LettaUsageStatistics } from '../../runtime/wire-schema'

export const GenerateRequest = z
  .object({
    prompt: z
      .string()
      .refine((text) => text.trim() !== '', 'must not be blank')
      .describe('What the model is asked.'),
    system_prompt: z.string().nullish().describe("System prompt; none unless given, not the agent's."),
    override_model: z.string().nullish().describe("Handle of the model; the agent's unless given."),
    response_schema: z
      .record(z.string(), z.unknown())
      .nullish()
      .describe('JSON schema that the model is told to answer by; `content` is then JSON text, as far as the model obeys.'),
  })
  .meta({ id: 'GenerateRequest' })
export type GenerateRequest = z.output<typeof GenerateRequest>

export const GenerateResponse = z
  .object({ content: z.string(), model: z.string().describe('Handle of the model that answered.'), usage: LettaUsageStatistics })
  .meta({ id: 'GenerateResponse' })
export type GenerateResponse = z.output<typeof GenerateResponse>

export const RawPayload = z
  .record(z.string(), z.unknown())
  .describe('The body of the request to the provider, in the form of that provider; the built-in model has one of its own.')
