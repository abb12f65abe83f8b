import { OpenAPIHono } from '@hono/zod-openapi'
import type { Ctx } from '../context'
import type { Env } from '../env'
import { onError, onInvalid, onMissing } from './problem'

export type AppEnv = { Bindings: Env; Variables: { requestId: string; ctx: Ctx; op?: string; problem?: string } }
export type App = OpenAPIHono<AppEnv>

/** A router for one resource. A failed validation is a 422 problem. */
export const router = (): App => new OpenAPIHono<AppEnv>({ defaultHook: onInvalid })

/** The outermost router. Every path is served with and without a trailing slash, and under `/latest` too. */
export function root(): App {
  const app = new OpenAPIHono<AppEnv>({
    defaultHook: onInvalid,
    getPath: (request) => new URL(request.url).pathname.replace(/^\/latest(?=\/v1\/)/, '').replace(/(?<=.)\/+$/, ''),
  })
  app.onError(onError)
  app.notFound(onMissing)
  return app
}
