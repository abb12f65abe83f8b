import { z } from '@hono/zod-openapi'
import { version } from '../../../package.json'
import { json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { AppError, messageOf } from '../../lib/errors'

const Health = z.object({ version: z.string(), status: z.literal('ok') }).meta({ id: 'Health' })
const op = (operationId: string) => ({ tags: ['health'], operationId, security: [] })

export const healthRoutes = router()

healthRoutes.openapi(
  operation({ ...op('check_health'), method: 'get', path: '/health' }, { 200: json(Health, 'The server answers.') }),
  (c) => c.json({ version, status: 'ok' as const }, 200),
)

healthRoutes.openapi(
  operation({ ...op('check_readiness'), method: 'get', path: '/ready' }, { 200: json(Health, 'The server and its database answer.') }),
  async (c) => {
    try {
      await c.env.DB.prepare('select 1 from organizations limit 1').all()
    } catch (error) {
      throw new AppError('unavailable', `The database does not answer: ${messageOf(error)}`, { headers: { 'retry-after': '5' } })
    }
    return c.json({ version, status: 'ok' as const }, 200)
  },
)
