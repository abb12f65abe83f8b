import { createRoute, type RouteConfig, z } from '@hono/zod-openapi'
import type { Ctx } from '../context'
import { type IdKind, idPattern, idPrefixes } from '../lib/id'
import type { Page } from '../lib/page'
import { problems } from './problem'
import { type App, router } from './router'

/** A path parameter that holds an id; anything else is a 422 that shows the form. */
export const idOf = (kind: IdKind) =>
  z
    .string()
    .regex(idPattern(kind), `must be an id such as '${idPrefixes[kind]}-123e4567-e89b-42d3-8456-426614174000'`)
    .meta({ example: `${idPrefixes[kind]}-123e4567-e89b-42d3-8456-426614174000` })

export const json = <S extends z.ZodType>(schema: S, description: string) => ({ description, content: { 'application/json': { schema } } })
export const body = <S extends z.ZodType>(schema: S, description: string) => ({ required: true, ...json(schema, description) })

/** Fields of every operation: its tag, the id that clients are generated from, and the failures it documents. */
export const operation = <
  R extends Omit<RouteConfig, 'responses'> & { operationId: string; tags: string[] },
  O extends RouteConfig['responses'],
>(
  route: R,
  responses: O,
) => createRoute({ ...route, responses: { ...responses, ...problems } })

const batchMax = 1000
const BatchDeleted = z
  .object({
    deleted: z.array(z.string()),
    not_found: z.array(z.string()).describe('Ids that nothing was found under; what was deleted before is among them.'),
  })
  .meta({ id: 'BatchDeleted' })

/** `POST /batch-delete` of a collection: deletes what is there of up to 1000 ids. `remove` resolves with the ids of what it deleted. */
export function batchDelete(
  app: App,
  spec: { tags: string[]; operationId: string; kind: IdKind; remove(ctx: Ctx, ids: string[]): Promise<string[]> },
): void {
  const { kind, remove, ...op } = spec
  const request = z.object({ ids: z.array(idOf(kind)).min(1).max(batchMax) })
  app.openapi(
    operation(
      { ...op, method: 'post', path: '/batch-delete', request: { body: body(request, 'What to delete') } },
      { 200: json(BatchDeleted, 'What was deleted, and what was not there') },
    ),
    async (c) => {
      const ids = [...new Set(c.req.valid('json').ids)]
      const gone = new Set(await remove(c.get('ctx'), ids))
      return c.json({ deleted: ids.filter((id) => gone.has(id)), not_found: ids.filter((id) => !gone.has(id)) }, 200)
    },
  )
}

/** What a resource must be able to do to be served by `crudRoutes`. A repository satisfies it; so does anything wrapping one. */
export interface CrudService<Row, Create, Update, Query> {
  list(ctx: Ctx, query: Query): Promise<Row[]>
  get(ctx: Ctx, id: string): Promise<Row>
  create(ctx: Ctx, input: Create): Promise<Row>
  update(ctx: Ctx, id: string, input: Update): Promise<Row>
  remove(ctx: Ctx, id: string): Promise<unknown>
}

/** The five operations of a resource. `deleted` is what a delete answers with; `null` unless the resource says more. */
export function crudRoutes<R extends z.ZodType, C extends z.ZodType, U extends z.ZodType, Q extends z.ZodObject>(spec: {
  kind: IdKind
  name: string
  plural?: string
  read: R
  create: C
  update: U
  query: Q
  service: CrudService<z.input<R>, z.output<C>, z.output<U>, z.output<Q> & Page>
  deleted?: (id: string) => unknown
}): App {
  const { name, plural = `${name}s`, service, deleted = () => null } = spec
  const op = (operationId: string) => ({ tags: [plural], operationId })
  const params = z.object({ id: idOf(spec.kind) })
  const out = (row: unknown) => spec.read.parse(row) as never
  // The schemas are generic here, so their outputs are opaque to the router's inference; the service signature checks them.
  const valid = (c: { req: { valid(target: never): unknown } }, target: 'query' | 'json') => c.req.valid(target as never) as never
  const app = router()
  app.openapi(
    operation(
      { ...op(`list_${plural}`), method: 'get', path: '/', request: { query: spec.query } },
      { 200: json(z.array(spec.read), `One page of ${plural}`) },
    ),
    async (c) => c.json((await service.list(c.get('ctx'), valid(c, 'query'))).map(out) as never, 200),
  )
  app.openapi(
    operation(
      { ...op(`create_${name}`), method: 'post', path: '/', request: { body: body(spec.create, name) } },
      { 200: json(spec.read, name) },
    ),
    async (c) => c.json(out(await service.create(c.get('ctx'), valid(c, 'json'))), 200),
  )
  app.openapi(
    operation({ ...op(`retrieve_${name}`), method: 'get', path: '/{id}', request: { params } }, { 200: json(spec.read, name) }),
    async (c) => c.json(out(await service.get(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  app.openapi(
    operation(
      { ...op(`modify_${name}`), method: 'patch', path: '/{id}', request: { params, body: body(spec.update, name) } },
      { 200: json(spec.read, name) },
    ),
    async (c) => c.json(out(await service.update(c.get('ctx'), c.req.param('id') ?? '', valid(c, 'json'))), 200),
  )
  app.openapi(
    operation({ ...op(`delete_${name}`), method: 'delete', path: '/{id}', request: { params } }, { 200: json(z.unknown(), 'Deleted') }),
    async (c) => {
      const { id } = c.req.valid('param')
      await service.remove(c.get('ctx'), id)
      return c.json(deleted(id) as never, 200)
    },
  )
  return app
}
