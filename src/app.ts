import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { authenticate, authenticateAdmin } from './http/auth'
import { idempotent } from './http/idempotency'
import { isStreamed, rateLimit, requestLog, shallowJson } from './http/middleware'
import { documentation } from './http/openapi'
import { type App, type AppEnv, root } from './http/router'
import { AppError } from './lib/errors'
import { adminResources, resources } from './resources'
import { actorOfKey } from './resources/api-keys/service'

const MiB = 1024 * 1024
const maxBodyBytes = 8 * MiB
/** Paths whose bodies may be longer. An agent file is held whole, as text and as objects, in an isolate of 128 MB. */
const longer: [path: RegExp, bytes: number][] = [[/^\/v1\/agents\/import$/, 24 * MiB]]

/** Refuses with 413 what is longer than its path may be. */
const limited = (maxSize: number) =>
  bodyLimit({
    maxSize,
    onError: () => {
      throw new AppError('payload_too_large', `The body is over ${maxSize} bytes.`)
    },
  })

/** The whole HTTP surface, in the order a request meets it. */
export function createApp(): App {
  const app = root()
  app.use(requestId(), requestLog)
  app.use(cors({ origin: '*', exposeHeaders: ['etag', 'retry-after', 'x-request-id'] }))
  const limits = longer.map(([path, bytes]) => [path, limited(bytes)] as const)
  const usual = limited(maxBodyBytes)
  const limitOf = (path: string) => limits.find(([longer]) => longer.test(path))?.[1] ?? usual
  app.use('/v1/*', (c, next) => (isStreamed(c.req) ? next() : limitOf(c.req.path)(c, next)))
  app.use('/v1/admin/*', authenticateAdmin)
  const member = authenticate(actorOfKey)
  const open = /^\/v1\/(admin\/|health$|ready$)/
  const unless =
    (paths: RegExp, handler: MiddlewareHandler<AppEnv>): MiddlewareHandler<AppEnv> =>
    (c, next) =>
      paths.test(c.req.path) ? next() : handler(c, next)
  const direct = /^\/v1\/(health|ready|agents\/[^/]+\/export)$/
  app.use('/v1/*', unless(open, member), unless(open, rateLimit), shallowJson, unless(direct, idempotent))
  for (const [path, routes] of [...adminResources, ...resources]) app.route(path, routes)
  app.route('/', documentation(app))
  app.get('/', (c) => c.redirect('/docs'))
  return app
}
