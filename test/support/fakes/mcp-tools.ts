/** A tool of the test's MCP servers, and what a call of it answers. */
export interface FakeTool {
  name: string
  description?: string
  inputSchema: { type: 'object'; [key: string]: unknown }
  /** Throws for an answer that is a JSON-RPC error; never resolves for none. */
  run(args: Record<string, unknown>): Promise<FakeResult> | FakeResult
}

export interface FakeResult {
  content: Record<string, unknown>[]
  isError?: boolean
  structuredContent?: Record<string, unknown>
}

const object = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: 'object' as const,
  properties,
  ...more,
})
const said = (text: string): FakeResult => ({ content: [{ type: 'text', text }] })

/** Tools that say what they get, count, fail, keep silent, and take nested arguments. */
export const fakeTools = (): FakeTool[] => [
  {
    name: 'echo',
    description: 'Says what it is told.',
    inputSchema: object({ message: { type: 'string' } }, { required: ['message'], additionalProperties: false }),
    run: ({ message }) => said(`Echo: ${message}`),
  },
  {
    name: 'add',
    description: 'Adds two numbers.',
    inputSchema: object({ a: { type: 'number' }, b: { type: 'number' } }, { required: ['a', 'b'] }),
    run: ({ a, b }) => said(String(Number(a) + Number(b))),
  },
  { name: 'failing', inputSchema: object({}), run: () => ({ ...said('It went wrong.'), isError: true }) },
  { name: 'slow', inputSchema: object({}), run: () => new Promise(() => {}) },
  {
    name: 'nested',
    inputSchema: object(
      { person: { $ref: '#/$defs/Person' } },
      { $defs: { Person: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } }, required: ['person'] },
    ),
    run: ({ person }) => said(`Hello ${(person as { name: string }).name}`),
  },
  {
    name: 'picture',
    inputSchema: object({}),
    run: () => ({
      content: [
        { type: 'text', text: 'A dot:' },
        { type: 'image', data: 'aGk=', mimeType: 'image/png' },
      ],
    }),
  },
  { name: 'broken', inputSchema: object({ a: { $ref: '#/$defs/Nowhere' } }), run: () => said('never') },
]
