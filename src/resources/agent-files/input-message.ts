import { z } from 'zod'
import type { ContentPart, ImageSource } from '../../runtime/types'
import { InputImageSource, InputPart } from '../messages/schema'
import type { ReadApproval, ReadCall, ReadPart, ReadReturn } from './message'

/** Bytes of JSON that one stored message may have: it becomes a row of D1 that holds its text twice, and rows end at two million. */
export const maxMessageBytes = 900_000

// What SQLite would cut a text at.
const clean = (text: string) => text.replaceAll('\0', '')
const text = () => z.string().transform(clean)
const orNull = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null)
const listOf = <S extends z.ZodType>(schema: S) =>
  z
    .array(schema)
    .nullish()
    .transform((list) => list ?? [])

/** An ISO-8601 instant; one without a zone is UTC, as the format's own server writes it. */
export const instantText = () =>
  z
    .string()
    .transform((value) => (/(z|[+-]\d{2}:?\d{2})$/i.test(value) || !/\d{2}:\d{2}/.test(value) ? value : `${value}Z`))
    .refine((value) => !Number.isNaN(Date.parse(value)), 'must be an ISO-8601 instant')

const late = { after_calls: z.literal(true).optional().catch(undefined) }

/** Parts that a request cannot bring but a history has. */
const HistoryPart = z.discriminatedUnion('type', [
  z
    .object({ type: z.literal('summarized_reasoning'), summary: listOf(z.looseObject({ text: z.string().default('') })) })
    .transform(({ type, summary }) => ({ type, summary: summary.map((each) => each.text) })),
  z.object({
    type: z.literal('tool_call'),
    id: z.string(),
    name: z.string(),
    input: z.unknown().optional(),
    signature: z.string().nullish(),
  }),
  z
    .object({
      type: z.literal('tool_return'),
      tool_call_id: z.string(),
      content: z.unknown().optional(),
      is_error: z.boolean().default(false),
    })
    .transform((part) => ({ ...part, content: textFrom(part.content) })),
])

const known = new Set<unknown>([...InputPart.options, ...HistoryPart.options].map((option) => partType(option)))

function partType(option: z.ZodType): unknown {
  const shape = ('in' in option ? (option as unknown as { in: z.ZodObject }).in : (option as z.ZodObject)).shape
  return (shape.type as z.ZodLiteral).value
}

const Part = z.union([z.discriminatedUnion('type', InputPart.options), HistoryPart])

const ImagePart = z.object({ type: z.literal('image'), source: InputImageSource })

/** The images among the parts of a result, and those that stand beside it. */
function imagesFrom(value: unknown, beside: ImageSource[] | null | undefined): { images?: ImageSource[] } {
  const parts = Array.isArray(value) ? value.flatMap((part) => ImagePart.safeParse(part).data?.source ?? []) : []
  const images = [...parts, ...(beside ?? [])]
  return images.length > 0 ? { images } : {}
}

/** Text of what is text, a list of parts, or anything else as JSON. */
function textFrom(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return clean(value)
  if (!Array.isArray(value)) return clean(JSON.stringify(value))
  const words = value.filter((part) => part?.type !== 'image')
  return words.map((part) => (typeof part?.text === 'string' ? clean(part.text) : JSON.stringify(part))).join('\n')
}

function readPart(raw: unknown, path: number[], issues: z.core.$ZodRawIssue[]): ReadPart[] {
  const type = (raw as { type?: unknown } | null)?.type
  // A type of a later version is left out, as the format's own server does.
  if (typeof type === 'string' && !known.has(type)) return []
  const one = typeof type === 'string' && type.startsWith('summarized') ? HistoryPart.safeParse(raw) : Part.safeParse(raw)
  if (!one.success) {
    const inner = one.error.issues.flatMap((issue) => (issue.code === 'invalid_union' ? issue.errors.flat() : [issue]))
    const about = inner.find((issue) => issue.path.length > 0 && issue.path[0] !== 'type') ?? inner[0]
    issues.push({
      code: 'custom',
      path: [...path, ...(about?.path ?? [])],
      message: about?.message ?? 'is no part of a message',
      input: raw,
    })
    return []
  }
  const { after_calls } = z.object(late).parse(raw)
  const part = one.data as ReadPart
  if (part.type === 'text') {
    const { signature } = part
    return [{ type: 'text', text: clean(part.text), ...(signature ? { signature } : {}), ...(after_calls ? { after_calls } : {}) }]
  }
  return [after_calls ? ({ ...part, after_calls } as ContentPart) : part]
}

const Content = z
  .union([z.string(), z.array(z.unknown())])
  .nullish()
  .transform((content, ctx): ReadPart[] => {
    if (content === null || content === undefined) return []
    if (typeof content === 'string') return [{ type: 'text', text: clean(content) }]
    return content.flatMap((part, i) => readPart(part, [i], ctx.issues as z.core.$ZodRawIssue[]))
  })

const ToolCall = z
  .object({
    id: z.string().min(1),
    function: z.object({ name: z.string().min(1), arguments: z.string().nullish() }),
    signature: z.string().nullish(),
    speaks: z.string().optional().catch(undefined),
  })
  .transform(
    ({ id, function: { name, arguments: args }, signature, speaks }): ReadCall => ({
      id,
      name,
      arguments: args ?? '{}',
      ...(signature ? { signature } : {}),
      ...(speaks ? { speaks } : {}),
    }),
  )

const lines = orNull(z.array(z.string()))
const mark = () => z.literal(true).optional().catch(undefined)
const status = z.enum(['success', 'error'])

const images = z.array(InputImageSource).nullish()

const ToolReturn = z
  .object({
    tool_call_id: orNull(z.string()),
    name: orNull(z.string()),
    status: orNull(status),
    func_response: z.unknown().optional(),
    tool_return: z.unknown().optional(),
    stdout: lines,
    stderr: lines,
    images,
    refused: mark(),
    speaks: mark(),
  })
  .transform(({ func_response, tool_return, refused, speaks, images, ...rest }): ReadReturn => {
    const said = func_response ?? tool_return
    const marks = { ...(refused ? { refused } : {}), ...(speaks ? { speaks } : {}), ...imagesFrom(said, images) }
    return { ...rest, ...marks, text: said === null || said === undefined ? null : textFrom(said) }
  })

const Approval = z
  .looseObject({
    type: z.enum(['approval', 'tool']).nullish(),
    tool_call_id: z.string().nullish(),
    approve: z.boolean().nullish(),
    reason: z.string().nullish(),
    status: status.nullish(),
    stdout: lines,
    stderr: lines,
    images,
  })
  .transform((each): ReadApproval => {
    const tool_call_id = each.tool_call_id ?? ''
    if (each.type === 'approval' || (!each.type && typeof each.approve === 'boolean'))
      return { type: 'approval', tool_call_id, approve: each.approve ?? false, reason: each.reason ?? null }
    const result = each.func_response ?? each.tool_return
    const { stdout, stderr } = each
    const said = { tool_return: textFrom(result), ...imagesFrom(result, each.images) }
    return { type: 'tool', tool_call_id, ...said, status: each.status ?? 'success', stdout, stderr }
  })

const bytes = new TextEncoder()

/** A message of a file, as it may come. */
export const MessageInput = z
  .object({
    id: z.string().min(1),
    role: z.enum(['system', 'user', 'assistant', 'tool', 'function', 'approval', 'summary']),
    content: Content,
    name: orNull(text()),
    model: orNull(z.string()),
    group_id: orNull(z.string()),
    tool_calls: listOf(ToolCall),
    tool_call_id: orNull(z.string()),
    tool_returns: listOf(ToolReturn),
    approve: orNull(z.boolean()),
    denial_reason: orNull(z.string()),
    approvals: listOf(Approval),
    created_at: instantText()
      .nullish()
      .transform((value) => value ?? new Date().toISOString()),
  })
  .superRefine((message, ctx) => {
    const content = JSON.stringify(message)
    if (content.length * 3 <= maxMessageBytes) return
    const size = bytes.encode(content).length
    if (size > maxMessageBytes)
      ctx.addIssue({ code: 'custom', path: ['content'], message: `is ${size} bytes of JSON; a message holds at most ${maxMessageBytes}` })
  })
export type MessageInput = z.output<typeof MessageInput>
