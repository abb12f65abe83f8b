import { json, operation } from '../../http/crud'
import { Problem } from '../../http/problem'
import { type App, router } from '../../http/router'
import { AppError } from '../../lib/errors'
import { hosted } from './operations'

const notHere = (why: string) => (): never => {
  throw new AppError('not_implemented', why)
}

const documented = (description: string) => ({
  501: { ...json(Problem, description), content: { 'application/problem+json': { schema: Problem } } },
})

/**
 * Requests that only the hosted service serves, each answered with 501 and a sentence that says so. Nothing of a request is looked at but
 * its key. Mounted before the other resources, since some of its literal paths look like an id to them.
 */
export const hostedRoutes: App = router()

for (const [feature, operations] of hosted) {
  const why = `${feature} are not available on this server: they are part of Letta's hosted service.`
  for (const [method, path, operationId] of operations)
    hostedRoutes.openapi(operation({ tags: ['hosted'], operationId, method, path }, documented(why)), notHere(why))
}

const noGit = 'Git-backed memory is not available on this server. Read and change memory blocks instead.'

for (const method of ['get', 'post'] as const)
  hostedRoutes.openapi(
    operation(
      { tags: ['hosted'], operationId: `hosted_${method === 'get' ? 'fetch_from' : 'push_to'}_git`, method, path: '/git/{path}' },
      documented(noGit),
    ),
    notHere(noGit),
  )
hostedRoutes.all('/git/*', notHere(noGit))
