import { z } from 'zod'

export const compactionModes = ['all', 'sliding_window', 'self_compact_all', 'self_compact_sliding_window'] as const

/** How a context is compacted. What is left out has its default; an agent's own settings stand behind those of a request. */
export const CompactionSettings = z
  .object({
    mode: z
      .enum(compactionModes)
      .nullish()
      .describe(
        '`all` summarizes everything after the system message, `sliding_window` (the default) the older part. `self_compact_…` are the same ' +
          "with the agent's own model, whatever `model` says; the agent's prompt and tools are not sent along.",
      ),
    model: z.string().nullish().describe("Handle of the model that summarizes; the agent's own unless given."),
    model_settings: z.record(z.string(), z.unknown()).nullish().describe('Settings of that model.'),
    prompt: z.string().min(1).nullish().describe('What the model is told to do with the messages.'),
    prompt_acknowledgement: z
      .boolean()
      .nullish()
      .describe('Show the model an acknowledgement of the prompt as its own, which keeps some models from answering the messages.'),
    clip_chars: z.int().min(1).nullish().describe('Longest summary in characters, 50000 unless given; null: any length.'),
    sliding_window_percentage: z
      .number()
      .min(0)
      .max(1)
      .nullish()
      .describe('Share of the messages, from 0 to 1, that `sliding_window` summarizes at least; 0.3 unless given.'),
  })
  .meta({ id: 'CompactionSettings' })
export type CompactionSettings = z.output<typeof CompactionSettings>

/** Settings with nothing left open. */
export interface Compaction {
  mode: 'all' | 'sliding_window'
  /** Null: the agent's own. */
  model: string | null
  model_settings: Record<string, unknown> | null
  prompt: string
  acknowledged: boolean
  /** Longest summary in characters; null: any length. */
  clip_chars: number | null
  /** Share of the messages that is summarized at least. */
  share: number
}

const defaultPrompt = `Write a summary that takes the place of the conversation above: whoever reads it will go on with the conversation and see nothing else of it.
Keep, in this order and only as far as they were there: what the user wants and has asked for; facts, names, numbers, dates, decisions and preferences; what was done, with which tools, and what came of it; what is open or was promised.
Keep exact wording where it matters. Say who said what. Leave out greetings and what was corrected later. Do not answer the conversation, and write nothing but the summary.`

const clipDefault = 50_000
const shareDefault = 0.3

/** The settings that count: each field from the last of `given` that has it. A null `clip_chars` is a value, any other null is none. */
export function compactionOf(...given: (CompactionSettings | null | undefined)[]): Compaction {
  const set = given
    .flatMap((each) => Object.entries(each ?? {}))
    .filter(([key, value]) => value !== undefined && (value !== null || key === 'clip_chars'))
  const settings: CompactionSettings = Object.fromEntries(set)
  const mode = settings.mode ?? 'sliding_window'
  const own = mode.startsWith('self_')
  return {
    mode: mode.endsWith('all') ? 'all' : 'sliding_window',
    model: own ? null : (settings.model ?? null),
    model_settings: own ? null : (settings.model_settings ?? null),
    prompt: settings.prompt ?? defaultPrompt,
    acknowledged: settings.prompt_acknowledgement ?? false,
    clip_chars: settings.clip_chars === undefined ? clipDefault : settings.clip_chars,
    share: settings.sliding_window_percentage ?? shareDefault,
  }
}
