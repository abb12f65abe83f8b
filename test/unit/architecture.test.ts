import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, it } from 'vitest'

/** Which imports each layer may make; the first rule that matches a file counts. Type-only imports of objects are free: they vanish. */
const rules: { layer: RegExp; local: RegExp; packages: RegExp }[] = [
  { layer: /^src\/lib\//, local: /^src\/lib\//, packages: /^(zod|uuid|ipaddr\.js)$/ },
  { layer: /^src\/(runtime|memory)\//, local: /^src\/(runtime|memory|lib)\//, packages: /^zod$/ },
  {
    layer: /^src\/retrieval\//,
    local: /^src\/(retrieval|lib)\//,
    packages: /^(fflate|htmlparser2|re2js|tokenx|unpdf)$/,
  },
  { layer: /^src\/sandbox\//, local: /^src\/(sandbox|lib)\//, packages: /^(@lezer\/|@cfworker\/json-schema$)/ },
  { layer: /^src\/models\//, local: /^src\/(models|runtime|retrieval|lib|env)/, packages: /^(@ai-sdk\/|workers-ai-provider$)/ },
  { layer: /^src\/mcp\//, local: /^(src\/(mcp|lib)\/|package\.json)/, packages: /^@modelcontextprotocol\/client$/ },
  { layer: /^src\/db\/schema/, local: /^src\/(db|resources\/[^/]+\/table)/, packages: /^$/ },
  { layer: /^src\/db\//, local: /^src\/(db|lib|context)/, packages: /^(drizzle-orm|zod)/ },
  { layer: /^src\/http\//, local: /^src\/(http|db|lib|env|context)/, packages: /^(@fastify\/busboy$|@hono|hono|drizzle-orm|zod)/ },
  { layer: /^src\/resources\/[^/]+\/table/, local: /^src\/(resources\/[^/]+\/table|db|runtime|lib)/, packages: /^drizzle-orm/ },
  {
    layer: /^src\/resources\/[^/]+\/(?!routes)/,
    local: /^src\/(resources\/|db|runtime|memory|models|retrieval|mcp|sandbox|lib|env|context)/,
    packages: /^(drizzle-orm|zod)/,
  },
  {
    layer: /^durable-objects\//,
    local: /^(durable-objects|src\/(runtime|memory|models|retrieval|sandbox|db|lib|env|resources\/[^/]+\/(?!routes))|package\.json)/,
    packages: /^(cloudflare:|drizzle-orm|standardwebhooks)/,
  },
]

const files = ['src', 'durable-objects', 'test']
  .flatMap((dir) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((file) => join(dir, file)))
  .filter((file) => /\.(ts|mjs)$/.test(file))
const imports = (file: string) =>
  [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s(?!type\b)[^'"]*?from\s+'([^']+)'|import\s*\(?\s*'([^']+)'/gms)].map(
    (m) => (m[1] ?? m[2]) as string,
  )

it.each(files.filter((file) => rules.some(({ layer }) => layer.test(file))))('%s imports only what its layer may', (file) => {
  const rule = rules.find(({ layer }) => layer.test(file))
  for (const target of imports(file)) {
    const local = target.startsWith('.')
    expect(local ? normalize(join(dirname(file), target)) : target).toMatch((local ? rule?.local : rule?.packages) as RegExp)
  }
})

it('no service knows HTTP', () => {
  const services = files.filter((file) => /^src\/resources\/[^/]+\/(service|write|versions)/.test(file))
  expect(services.filter((file) => imports(file).some((target) => /^(hono|@hono)|\/http\//.test(target)))).toEqual([])
})

it.each(files)('%s is at most 400 lines', (file) => {
  expect(readFileSync(file, 'utf8').split('\n').length).toBeLessThanOrEqual(400)
})
