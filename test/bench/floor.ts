import { DurableObject } from 'cloudflare:workers'

interface Env {
  DB: D1Database
  OBJECT: DurableObjectNamespace<FloorObject>
}

/** Object that only answers. */
export class FloorObject extends DurableObject<Env> {
  private calls = 0

  next(): number {
    this.calls += 1
    return this.calls
  }
}

/** The least a durable accept can cost here: read the body, one object call, one D1 batch of three inserts, answer. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const body = await request.text()
    const sequence = await env.OBJECT.getByName('floor').next()
    const id = crypto.randomUUID()
    await env.DB.batch(
      ['message', 'run', 'step'].map((kind) =>
        env.DB.prepare('insert into rows (id, kind, sequence, body) values (?, ?, ?, ?)').bind(`${kind}-${id}`, kind, sequence, body),
      ),
    )
    return Response.json({ id, sequence })
  },
} satisfies ExportedHandler<Env>
