import { z } from '@hono/zod-openapi'
import { body, idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { Identity, IdentityCreate, IdentityFilters, IdentityQuery, IdentityUpdate, Properties } from './schema'
import { identityService } from './service'

const params = z.object({ identity_id: idOf('identity') })
const op = (operationId: string) => ({ tags: ['identities'], operationId })
const one = { 200: json(Identity, 'Identity') }

/** `/v1/identities` */
export const identityRoutes = router()

identityRoutes.openapi(
  operation(
    { ...op('list_identities'), method: 'get', path: '/', request: { query: IdentityQuery } },
    { 200: json(z.array(Identity), 'One page of identities') },
  ),
  async (c) => c.json(await identityService.list(c.get('ctx'), c.req.valid('query')), 200),
)

identityRoutes.openapi(
  operation(
    { ...op('count_identities'), method: 'get', path: '/count', request: { query: IdentityFilters } },
    { 200: json(z.int(), 'Number of identities that the filters leave') },
  ),
  async (c) => c.json(await identityService.count(c.get('ctx'), c.req.valid('query')), 200),
)

identityRoutes.openapi(
  operation({ ...op('create_identity'), method: 'post', path: '/', request: { body: body(IdentityCreate, 'identity') } }, one),
  async (c) => c.json(await identityService.create(c.get('ctx'), c.req.valid('json')), 200),
)

identityRoutes.openapi(
  operation(
    { ...op('upsert_identity'), method: 'put', path: '/', request: { body: body(IdentityCreate, 'identity') } },
    { 200: json(Identity, 'The identity; the one that had the key was changed and kept its id') },
  ),
  async (c) => c.json(await identityService.upsert(c.get('ctx'), c.req.valid('json')), 200),
)

identityRoutes.openapi(
  operation({ ...op('retrieve_identity'), method: 'get', path: '/{identity_id}', request: { params } }, one),
  async (c) => c.json(await identityService.get(c.get('ctx'), c.req.valid('param').identity_id), 200),
)

identityRoutes.openapi(
  operation(
    {
      ...op('modify_identity'),
      method: 'patch',
      path: '/{identity_id}',
      request: { params, body: body(IdentityUpdate, 'Fields to change') },
    },
    one,
  ),
  async (c) => c.json(await identityService.update(c.get('ctx'), c.req.valid('param').identity_id, c.req.valid('json')), 200),
)

identityRoutes.openapi(
  operation(
    {
      ...op('upsert_identity_properties'),
      method: 'put',
      path: '/{identity_id}/properties',
      request: { params, body: body(Properties, 'All properties of the identity') },
    },
    one,
  ),
  async (c) => c.json(await identityService.setProperties(c.get('ctx'), c.req.valid('param').identity_id, c.req.valid('json')), 200),
)

identityRoutes.openapi(
  operation(
    { ...op('delete_identity'), method: 'delete', path: '/{identity_id}', request: { params } },
    { 200: json(z.null(), 'Deleted') },
  ),
  async (c) => {
    await identityService.remove(c.get('ctx'), c.req.valid('param').identity_id)
    return c.json(null, 200)
  },
)

/** The routes under `/v1/agents` or `/v1/blocks` that give one an identity and take it away. */
function attachments(kind: 'agent' | 'block') {
  const app = router()
  for (const verb of ['attach', 'detach'] as const) {
    app.openapi(
      operation(
        {
          tags: [`${kind}s`, 'identities'],
          operationId: `${verb}_identity_${verb === 'attach' ? 'to' : 'from'}_${kind}`,
          method: 'patch',
          path: `/{${kind}_id}/identities/${verb}/{identity_id}`,
          request: { params: params.extend({ [`${kind}_id`]: idOf(kind) }) },
        },
        { 200: json(z.null(), verb === 'attach' ? 'Attached' : 'Detached') },
      ),
      async (c) => {
        const { identity_id = '', [`${kind}_id`]: id = '' } = c.req.valid('param') as Record<string, string>
        await identityService[verb](c.get('ctx'), kind, id, identity_id)
        return c.json(null, 200)
      },
    )
  }
  return app
}

/** `/v1/agents/{agent_id}/identities` */
export const agentIdentityRoutes = attachments('agent')
/** `/v1/blocks/{block_id}/identities` */
export const blockIdentityRoutes = attachments('block')
