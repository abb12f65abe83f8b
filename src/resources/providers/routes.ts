import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Provider, ProviderCheck, ProviderCreate, ProviderQuery, ProviderUpdate } from './schema'
import { providerService } from './service'

const params = z.object({ provider_id: idOf('provider') })
const op = (operationId: string, description?: string) => ({ tags: ['providers'], operationId, ...(description ? { description } : {}) })
const said = (description: string) => json(z.object({ message: z.string() }), description)

/** `/v1/providers` */
export const providerRoutes = router()

providerRoutes.openapi(
  operation(
    { ...op('list_providers'), method: 'get', path: '/', request: { query: ProviderQuery } },
    { 200: json(z.array(Provider), 'One page of the providers that the organization brought') },
  ),
  async (c) => c.json(await providerService.list(c.get('ctx'), c.req.valid('query')), 200),
)

const making = 'Stores a provider with its key and lists its models, once it has taken the key. Models are named `<name>/<model>`.'
providerRoutes.openapi(
  operation(
    { ...op('create_provider', making), method: 'post', path: '/', request: { body: body(ProviderCreate, 'provider') } },
    { 200: json(Provider, 'The new provider') },
  ),
  async (c) => c.json(await providerService.create(c.get('ctx'), c.req.valid('json')), 200),
)

providerRoutes.openapi(
  operation(
    {
      ...op('check_provider', 'Asks a provider whether it takes a key; nothing is stored. 401 when it does not.'),
      method: 'post',
      path: '/check',
      request: { body: body(ProviderCheck, 'What to try') },
    },
    { 200: said('The key is good') },
  ),
  async (c) => c.json(await providerService.check(c.get('ctx'), c.req.valid('json')), 200),
)

providerRoutes.openapi(
  operation(
    { ...op('retrieve_provider'), method: 'get', path: '/{provider_id}', request: { params } },
    { 200: json(Provider, 'The provider') },
  ),
  async (c) => c.json(await providerService.get(c.get('ctx'), c.req.valid('param').provider_id), 200),
)

providerRoutes.openapi(
  operation(
    {
      ...op('modify_provider', 'Another key or address is tried before it is stored.'),
      method: 'patch',
      path: '/{provider_id}',
      request: { params, body: body(ProviderUpdate, 'Fields to change') },
    },
    { 200: json(Provider, 'The provider as it is now') },
  ),
  async (c) => c.json(await providerService.update(c.get('ctx'), c.req.valid('param').provider_id, c.req.valid('json')), 200),
)

providerRoutes.openapi(
  operation(
    { ...op('delete_provider'), method: 'delete', path: '/{provider_id}', request: { params } },
    { 200: said('Deleted, with its keys and models') },
  ),
  async (c) => c.json(await providerService.remove(c.get('ctx'), c.req.valid('param').provider_id), 200),
)

providerRoutes.openapi(
  operation(
    { ...op('check_stored_provider'), method: 'post', path: '/{provider_id}/check', request: { params } },
    { 200: said('The stored key is good') },
  ),
  async (c) => c.json(await providerService.checkStored(c.get('ctx'), c.req.valid('param').provider_id), 200),
)

providerRoutes.openapi(
  operation(
    {
      ...op('refresh_provider', 'Reads the models of the provider anew.'),
      method: 'patch',
      path: '/{provider_id}/refresh',
      request: { params },
    },
    { 200: json(Provider, 'The provider as it is now') },
  ),
  async (c) => c.json(await providerService.refresh(c.get('ctx'), c.req.valid('param').provider_id), 200),
)
