import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AppError } from '../../lib/errors'
import {
  LocalSandboxConfig,
  SandboxConfig,
  SandboxConfigCreate,
  SandboxConfigQuery,
  SandboxConfigUpdate,
  SandboxVariable,
  VariableCreate,
  VariableQuery,
  VariableUpdate,
} from './schema'
import { sandboxConfigService, sandboxVariableService } from './service'

const params = z.object({ sandbox_config_id: idOf('sandbox') })
const ofVariable = z.object({ environment_variable_id: idOf('sandboxVariable') })
const op = (operationId: string, description?: string) => ({
  tags: ['sandbox_configs'],
  operationId,
  ...(description ? { description } : {}),
})
const one = (row: unknown) => SandboxConfig.parse(row)
const given =
  'Environment variables of the local sandbox fill `{{ NAME }}` in headers of MCP servers, and are given to custom tools when those run. Secrets of an agent win over them.'

/** `/v1/sandbox-config` */
export const sandboxConfigRoutes = router()

sandboxConfigRoutes.openapi(
  operation(
    { ...op('list_sandbox_configs'), method: 'get', path: '/', request: { query: SandboxConfigQuery } },
    { 200: json(z.array(SandboxConfig), 'One page of sandbox configurations') },
  ),
  async (c) => c.json((await sandboxConfigService.list(c.get('ctx'), c.req.valid('query'))).map(one), 200),
)

sandboxConfigRoutes.openapi(
  operation(
    {
      ...op('create_sandbox_config', 'Stores a configuration in place of the one of its kind, which keeps its id and variables.'),
      method: 'post',
      path: '/',
      request: { body: body(SandboxConfigCreate, 'Sandbox configuration') },
    },
    { 200: json(SandboxConfig, 'The configuration') },
  ),
  async (c) => {
    const { config, type } = c.req.valid('json')
    return c.json(one(await sandboxConfigService.create(c.get('ctx'), config, type ?? undefined)), 200)
  },
)

for (const kind of ['e2b', 'local'] as const) {
  sandboxConfigRoutes.openapi(
    operation(
      {
        ...op(
          kind === 'local' ? 'default_local_sandbox_config' : 'default_hosted_sandbox_config',
          'The configuration of its kind, made with defaults unless there is one.',
        ),
        method: 'post',
        path: `/${kind}/default`,
      },
      { 200: json(SandboxConfig, 'The configuration') },
    ),
    async (c) => c.json(one(await sandboxConfigService.default(c.get('ctx'), kind)), 200),
  )
}

sandboxConfigRoutes.openapi(
  operation(
    { ...op('create_local_sandbox_config'), method: 'post', path: '/local', request: { body: body(LocalSandboxConfig, 'Local sandbox') } },
    { 200: json(SandboxConfig, 'The configuration') },
  ),
  async (c) => c.json(one(await sandboxConfigService.create(c.get('ctx'), c.req.valid('json'), 'local')), 200),
)

// Not in the document, since it is not served.
sandboxConfigRoutes.post('/local/recreate-venv', () => {
  throw new AppError(
    'not_implemented',
    'This server has no virtual environments: it runs in Workers, where no Python process can be started.',
  )
})

sandboxConfigRoutes.openapi(
  operation(
    {
      ...op('modify_sandbox_config', 'Fields that are left out or null stay as they are. The kind of sandbox cannot change.'),
      method: 'patch',
      path: '/{sandbox_config_id}',
      request: { params, body: body(SandboxConfigUpdate, 'Fields to change') },
    },
    { 200: json(SandboxConfig, 'The configuration as it is now') },
  ),
  async (c) => {
    const { sandbox_config_id } = c.req.valid('param')
    return c.json(one(await sandboxConfigService.update(c.get('ctx'), sandbox_config_id, c.req.valid('json').config)), 200)
  },
)

sandboxConfigRoutes.openapi(
  operation(
    { ...op('delete_sandbox_config'), method: 'delete', path: '/{sandbox_config_id}', request: { params } },
    { 204: { description: 'Deleted, with its environment variables' } },
  ),
  async (c) => {
    await sandboxConfigService.remove(c.get('ctx'), c.req.valid('param').sandbox_config_id)
    return c.body(null, 204)
  },
)

sandboxConfigRoutes.openapi(
  operation(
    {
      ...op('list_sandbox_variables', given),
      method: 'get',
      path: '/{sandbox_config_id}/environment-variable',
      request: { params, query: VariableQuery },
    },
    { 200: json(z.array(SandboxVariable), 'One page of environment variables, without their values') },
  ),
  async (c) => c.json(await sandboxVariableService.list(c.get('ctx'), c.req.valid('param').sandbox_config_id, c.req.valid('query')), 200),
)

sandboxConfigRoutes.openapi(
  operation(
    {
      ...op('create_sandbox_variable', `Stores a variable; one of the same key gets the new value. ${given}`),
      method: 'post',
      path: '/{sandbox_config_id}/environment-variable',
      request: { params, body: body(VariableCreate, 'Environment variable') },
    },
    { 200: json(SandboxVariable, 'The variable, without its value') },
  ),
  async (c) => c.json(await sandboxVariableService.create(c.get('ctx'), c.req.valid('param').sandbox_config_id, c.req.valid('json')), 200),
)

sandboxConfigRoutes.openapi(
  operation(
    {
      ...op('modify_sandbox_variable'),
      method: 'patch',
      path: '/environment-variable/{environment_variable_id}',
      request: { params: ofVariable, body: body(VariableUpdate, 'Fields to change') },
    },
    { 200: json(SandboxVariable, 'The variable as it is now, without its value') },
  ),
  async (c) =>
    c.json(await sandboxVariableService.update(c.get('ctx'), c.req.valid('param').environment_variable_id, c.req.valid('json')), 200),
)

sandboxConfigRoutes.openapi(
  operation(
    {
      ...op('delete_sandbox_variable'),
      method: 'delete',
      path: '/environment-variable/{environment_variable_id}',
      request: { params: ofVariable },
    },
    { 204: { description: 'Deleted' } },
  ),
  async (c) => {
    await sandboxVariableService.remove(c.get('ctx'), c.req.valid('param').environment_variable_id)
    return c.body(null, 204)
  },
)
