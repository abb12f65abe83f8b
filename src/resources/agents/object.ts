import type { Ctx } from '../../context'
import { type Outcome, unwrap } from '../../lib/errors'
import type { AgentRpc, Scope } from '../../runtime/rpc'

type Unwrapped<M> = M extends (scope: Scope, ...args: infer A) => Promise<Outcome<infer T>> ? (...args: A) => Promise<T> : never
export type AgentObjectClient = { [K in keyof AgentRpc]: Unwrapped<AgentRpc[K]> }

type RemoteMethod = (scope: Scope, ...args: unknown[]) => Promise<Outcome<unknown>>

/** An agent's object on behalf of the caller: every method of `AgentRpc`, its failures thrown. */
export function agentObject(ctx: Ctx, agentId: string): AgentObjectClient {
  const { organization_id, user_id } = ctx.actor
  // The stub's own type maps every value through RPC serialization; `AgentRpc` holds plain data only, so it is what crosses.
  const stub = ctx.env.AGENT.getByName(agentId) as unknown as Record<string, RemoteMethod>
  return new Proxy({} as AgentObjectClient, {
    get:
      (_, method: string) =>
      async (...args: unknown[]) =>
        unwrap(await (stub[method] as RemoteMethod)({ organization_id, user_id }, ...args)),
  })
}
