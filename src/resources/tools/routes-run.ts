import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { define } from './definition'
import { generateTool } from './generate'
import { runAttachedTool, runSource } from './run'
import {
  DerivedSchema,
  GeneratedTool,
  GenerateTool,
  RunAttached,
  RunSource,
  SourceSchemaRequest,
  ToolExecutionResult,
  ToolReturned,
} from './schema'

const op = (operationId: string) => ({ tags: ['tools'], operationId })

/** `/v1/tools`: what is done with a source, stored or not. */
export const toolSourceRoutes = router()

toolSourceRoutes.openapi(
  operation(
    { ...op('run_tool_from_source'), method: 'post', path: '/run', request: { body: body(RunSource, 'Source and arguments') } },
    { 200: json(ToolReturned, 'What a call of it would answer, a failure of the tool included. Nothing is stored') },
  ),
  (c) => c.json(ToolReturned.parse(runSource(c.req.valid('json'))), 200),
)

toolSourceRoutes.openapi(
  operation(
    { ...op('generate_json_schema'), method: 'post', path: '/generate-schema', request: { body: body(SourceSchemaRequest, 'Source') } },
    { 200: json(DerivedSchema, 'The function schema that the source means') },
  ),
  (c) => {
    const { code, source_type } = c.req.valid('json')
    return c.json(DerivedSchema.parse(define({ source_code: code, source_type: source_type ?? 'python' }).json_schema), 200)
  },
)

toolSourceRoutes.openapi(
  operation(
    { ...op('generate_tool'), method: 'post', path: '/generate-tool', request: { body: body(GenerateTool, 'What the tool is to do') } },
    { 200: json(GeneratedTool, 'A tool that a model wrote. It is not stored') },
  ),
  async (c) => c.json(GeneratedTool.parse(await generateTool(c.get('ctx'), c.req.valid('json'))), 200),
)

const params = z.object({
  agent_id: idOf('agent'),
  tool_name: z.string().min(1).meta({ description: 'Name of a tool that the agent has.', example: 'memory_insert' }),
})

/** `/v1/agents/{agent_id}/tools/{tool_name}/run` */
export const agentToolRunRoutes = router()

agentToolRunRoutes.openapi(
  operation(
    {
      tags: ['agents', 'tools'],
      operationId: 'run_agent_tool',
      method: 'post',
      path: '/{agent_id}/tools/{tool_name}/run',
      request: { params, body: { ...json(RunAttached, 'Arguments'), required: false } },
    },
    { 200: json(ToolExecutionResult, 'What the tool answered, its failure included') },
  ),
  async (c) => {
    const { agent_id, tool_name } = c.req.valid('param')
    const result = await runAttachedTool(c.get('ctx'), agent_id, tool_name, c.req.valid('json').args ?? {})
    return c.json(ToolExecutionResult.parse({ ...result, agent_state: null, stdout: [], sandbox_config_fingerprint: null }), 200)
  },
)
