import type { VectorIndex } from '../../src/retrieval/ports'

export { LocalVectorize, VectorsObject } from '../../durable-objects/vectors'

const floats = async (request: Request) => new Float32Array(await request.arrayBuffer())

/**
 * What the bench asks an index. `POST /fill/<first>` adds the vectors of its body, numbered from there; `POST /ask` answers the ids of the ten
 * nearest to its body, with `?filter` those of one kind in ten, with `?role` those of a role that half of them have.
 */
export default {
  async fetch(request, { INDEX, DIMENSIONS }) {
    const url = new URL(request.url)
    const values = await floats(request)
    if (url.pathname === '/ask') {
      const filter: VectorizeVectorMetadataFilter | undefined = url.searchParams.has('filter')
        ? { kind: 'kind-3' }
        : url.searchParams.has('role')
          ? { role: 'user' }
          : undefined
      const { matches } = await INDEX.query(values, { topK: 10, namespace: 'bench', filter })
      return Response.json(matches.map(({ id }) => Number(id)))
    }
    const first = Number(url.pathname.slice('/fill/'.length))
    const vectors = Array.from({ length: values.length / DIMENSIONS }, (_, i) => ({
      id: String(first + i),
      namespace: 'bench',
      values: values.slice(i * DIMENSIONS, (i + 1) * DIMENSIONS),
      metadata: {
        kind: `kind-${(first + i) % 10}`,
        role: (first + i) % 2 ? 'user' : 'assistant',
        agent_id: `agent-${(first + i) % 1000}`,
        created_at: first + i,
      },
    }))
    return Response.json(await INDEX.upsert(vectors))
  },
} satisfies ExportedHandler<{ INDEX: VectorIndex; DIMENSIONS: number }>
