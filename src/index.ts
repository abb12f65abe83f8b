import { createApp } from './app'
import type { Env } from './env'

export { AgentObject } from '../durable-objects/agent'
export { DeliveryObject } from '../durable-objects/delivery'

export default { fetch: createApp().fetch } satisfies ExportedHandler<Env>
