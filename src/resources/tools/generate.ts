import type { z } from 'zod'
import type { Ctx } from '../../context'
import { AppError, isAppError } from '../../lib/errors'
import { newId } from '../../lib/id'
import { modelCatalog } from '../../models'
import { complete, looseMessage } from '../../runtime/complete'
import type { ModelRequest } from '../../runtime/model'
import { type Definition, define } from './definition'
import type { GeneratedTool, GenerateTool } from './schema'

type Asked = z.output<typeof GenerateTool>

/** How often the model is asked: once, and again with what was wrong. */
const attemptsMax = 2

const tool = {
  name: 'generate_tool',
  description: 'Hands in the source code of a custom tool.',
  parameters: {
    type: 'object',
    properties: {
      raw_source_code: { type: 'string', description: 'The whole source code of the tool, imports included.' },
      sample_args_json: { type: 'string', description: 'A JSON object with sample arguments for a trial run, by parameter name.' },
      pip_requirements_json: {
        type: 'string',
        description: 'A JSON object of the pip packages that the code needs: name to version. {} for none.',
      },
    },
    required: ['raw_source_code', 'sample_args_json', 'pip_requirements_json'],
  },
}

const rules = {
  python:
    'Write Python 3. The tool is the last top-level function of the source. Annotate every parameter with its type, and document every one under "Args:" in a Google-style docstring, whose first lines say what the tool does and when to use it.',
  typescript:
    'Write TypeScript. The tool is the last function that the source exports, by `export function`. Give every parameter a type, and document it with @param in a JSDoc comment, whose first lines say what the tool does and when to use it.',
}

function requestFor({ tool_name, prompt, starter_code, validation_errors, source_type }: Asked, problem: string | null): ModelRequest {
  const language = source_type ?? 'python'
  const errors = [...(validation_errors ?? []), ...(problem ? [problem] : [])]
  const parts = [
    `Write a ${language} function named ${tool_name}.`,
    starter_code ? `Start from this code:\n\`\`\`\n${starter_code}\n\`\`\`` : null,
    errors.length > 0 ? `An earlier version was refused. Mend this:\n${errors.map((error) => `- ${error}`).join('\n')}` : null,
    `Instructions:\n${prompt}`,
  ]
  return {
    system: `You write tools for AI agents and hand them in by calling generate_tool. ${rules[language]}`,
    messages: [looseMessage(parts.filter((part) => part !== null).join('\n\n'))],
    tools: [tool],
    tool_choice: { type: 'tool', name: tool.name },
    settings: {},
    response_format: null,
  }
}

/** The object that a model wrote as JSON text. Throws a 400 in words that the model can act on. */
function objectIn(text: unknown, what: string): Record<string, unknown> {
  let value: unknown = text
  if (typeof text === 'string') {
    try {
      value = JSON.parse(text.trim() || '{}')
    } catch {
      value = null
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AppError('bad_request', `${what} must be a JSON object.`)
  return value as Record<string, unknown>
}

interface Written {
  source_code: string
  definition: Definition
  sample_args: Record<string, unknown>
  pip_requirements: { name: string; version: string | null }[]
}

/** What the model handed in. Throws a 400 that says why it is no tool of the name. */
function read(calls: { name: string; arguments: string }[], { tool_name, source_type }: Asked): Written {
  const call = calls.find(({ name }) => name === tool.name)
  if (!call) throw new AppError('bad_request', 'generate_tool was not called.')
  const args = objectIn(call.arguments, 'The arguments of generate_tool')
  const source_code = args.raw_source_code
  if (typeof source_code !== 'string' || source_code.trim() === '')
    throw new AppError('bad_request', 'raw_source_code must be source code.')
  const definition = define({ source_code, source_type: source_type ?? 'python' })
  if (definition.name !== tool_name)
    throw new AppError('bad_request', `The tool must be named '${tool_name}', but it is named '${definition.name}'.`)
  const pip = objectIn(args.pip_requirements_json ?? {}, 'pip_requirements_json')
  const pip_requirements = Object.entries(pip).map(([name, version]) => ({ name, version: typeof version === 'string' ? version : null }))
  return { source_code, definition, sample_args: objectIn(args.sample_args_json ?? {}, 'sample_args_json'), pip_requirements }
}

/**
 * A tool that a model writes; it is not stored. What cannot be used is sent back to the model once. Throws what the model's failure means
 * to the caller, and a 400 when what it wrote is no tool.
 */
export async function generateTool(ctx: Ctx, asked: Asked): Promise<GeneratedTool> {
  const model = modelCatalog(ctx.config, ctx.env.AI)(asked.handle ?? ctx.config.DEFAULT_MODEL)
  let problem: string | null = null
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const { content, calls } = await complete(model, requestFor(asked, problem), new AbortController().signal)
    const response = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
    try {
      const { source_code, definition, sample_args, pip_requirements } = read(calls, asked)
      return { tool: rowOf(ctx, asked, { ...definition, source_code, pip_requirements }), sample_args, response }
    } catch (error) {
      if (!isAppError(error)) throw error
      problem = error.message
    }
  }
  const detail = `${model.handle} wrote no tool that can be used, in ${attemptsMax} tries. Ask again with another prompt or model. The last was refused: ${problem}`
  throw new AppError('bad_request', detail, { code: 'unusable_tool' })
}

function rowOf(
  ctx: Ctx,
  { source_type }: Asked,
  made: Definition & Pick<Written, 'source_code' | 'pip_requirements'>,
): GeneratedTool['tool'] {
  const { user_id } = ctx.actor
  return {
    ...made,
    id: newId('tool'),
    tool_type: 'custom',
    tags: [],
    source_type: source_type ?? 'python',
    args_json_schema: {},
    return_char_limit: 50_000,
    pip_requirements: made.pip_requirements.length > 0 ? made.pip_requirements : null,
    npm_requirements: null,
    default_requires_approval: null,
    enable_parallel_execution: false,
    metadata_: {},
    project_id: null,
    created_by_id: user_id,
    last_updated_by_id: user_id,
  }
}
