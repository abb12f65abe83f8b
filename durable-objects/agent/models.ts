import type { Config, Env } from '../../src/env'
import { modelCatalog } from '../../src/models'
import { isBaseHandle } from '../../src/models/providers'
import { callableModel } from '../../src/resources/providers/models'
import type { Model } from '../../src/runtime/model'

/** The models that an agent of an organization can call: those of the deployment, and those of the organization's own providers. */
export function modelsFor(env: Env, config: Config, organization_id: () => string): (handle: string) => Model | Promise<Model> {
  const base = modelCatalog(config, env.AI)
  return (handle) => (isBaseHandle(handle) ? base(handle) : callableModel(env, config, organization_id(), handle))
}
