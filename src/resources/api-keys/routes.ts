import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AdminApiKeyCreate, ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyQuery } from './schema'
import { apiKeyService } from './service'

const params = z.object({ api_key_id: idOf('apiKey') })
const op = (operationId: string) => ({ tags: ['api_keys'], operationId })
/** The answer holds a secret, so nothing on its way may keep it. */
const secret = { 'cache-control': 'no-store' }

/** `/v1/api-keys`: the keys of the caller's organization. */
export const apiKeyRoutes = router()

apiKeyRoutes.openapi(
  operation(
    { ...op('list_api_keys'), method: 'get', path: '/', request: { query: ApiKeyQuery } },
    { 200: json(z.array(ApiKey), 'One page of API keys, revoked ones too') },
  ),
  async (c) => c.json(z.array(ApiKey).parse(await apiKeyService.list(c.get('ctx'), c.req.valid('query'))), 200),
)

apiKeyRoutes.openapi(
  operation(
    { ...op('create_api_key'), method: 'post', path: '/', request: { body: body(ApiKeyCreate, 'API key') } },
    { 200: json(ApiKeyCreated, 'The new key, shown this once') },
  ),
  async (c) => c.json(ApiKeyCreated.parse(await apiKeyService.create(c.get('ctx'), c.req.valid('json'))), 200, secret),
)

apiKeyRoutes.openapi(
  operation({ ...op('retrieve_api_key'), method: 'get', path: '/{api_key_id}', request: { params } }, { 200: json(ApiKey, 'API key') }),
  async (c) => c.json(ApiKey.parse(await apiKeyService.get(c.get('ctx'), c.req.valid('param').api_key_id)), 200),
)

apiKeyRoutes.openapi(
  operation(
    { ...op('revoke_api_key'), method: 'delete', path: '/{api_key_id}', request: { params } },
    { 200: json(ApiKey, 'The key, revoked') },
  ),
  async (c) => c.json(ApiKey.parse(await apiKeyService.revoke(c.get('ctx'), c.req.valid('param').api_key_id)), 200),
)

/** `/v1/admin/api-keys`: how an organization gets its first key. */
export const adminApiKeyRoutes = router()

adminApiKeyRoutes.openapi(
  operation(
    { ...op('admin_create_api_key'), method: 'post', path: '/', request: { body: body(AdminApiKeyCreate, 'API key') } },
    { 200: json(ApiKeyCreated, 'The new key, shown this once') },
  ),
  async (c) => c.json(ApiKeyCreated.parse(await apiKeyService.createFor(c.get('ctx'), c.req.valid('json'))), 200, secret),
)
