import { type App, router } from './router'

const info = {
  title: 'Loci',
  version: '1.0.0',
  description:
    'An open home for stateful AI agents. Speaks the Letta v1 HTTP API; every error is an RFC 9457 problem whose `detail` says what to do. ' +
    'Lists are arrays, paged by `after`/`before` ids; `Idempotency-Key` is honoured on every POST.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
}

type Document = ReturnType<App['getOpenAPI31Document']>

/** The same document with each refusal told once, in `components.responses`: every operation documents them all, and `default` for the rest. */
function shareProblems(document: Document): Document {
  const responses: NonNullable<NonNullable<Document['components']>['responses']> = {}
  const operations = Object.values(document.paths ?? {}).flatMap((path) => [path.get, path.post, path.put, path.patch, path.delete])
  for (const told of operations.map((operation) => operation?.responses ?? {})) {
    for (const [status, response] of Object.entries(told)) {
      if (!response.content?.['application/problem+json']) continue
      responses[`Problem${status}`] = response
      responses.Problem ??= { ...response, description: 'Any other failure' }
      told[status] = { $ref: `#/components/responses/Problem${status}` }
      told.default = { $ref: '#/components/responses/Problem' }
    }
  }
  return { ...document, components: { ...document.components, responses } }
}

/** The OpenAPI 3.1 document of every route that `app` serves. */
export function openApiDocument(app: App): Document {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key; not needed where AUTH=open.',
  })
  return shareProblems(app.getOpenAPI31Document({ openapi: '3.1.0', info, security: [{ bearer: [] }] }))
}

/** `/openapi.json`, made once per isolate, and `/docs`, which shows it. */
export function documentation(app: App): App {
  let document: Document | undefined
  const routes = router()
  routes.get('/openapi.json', (c) => {
    document ??= openApiDocument(app)
    return c.json(document)
  })
  routes.get('/docs', (c) => c.html(page))
  return routes
}

/** A page that reads `/openapi.json` and shows it: no script or style from elsewhere, so that it works offline. */
const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Loci API</title>
<style>
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent);--soft:color-mix(in srgb,currentColor 60%,transparent)}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:2rem 1rem}
h1{margin:0}h2{margin:2.5rem 0 .5rem;text-transform:capitalize}
details{border-bottom:1px solid var(--line);padding:.4rem 0}summary{cursor:pointer;display:flex;gap:.8rem;align-items:baseline}
code,pre{font:13px/1.5 ui-monospace,monospace}.m{width:4.2rem;font-weight:600;text-transform:uppercase}.s{color:var(--soft);margin-left:auto}
pre{overflow:auto;background:color-mix(in srgb,currentColor 6%,transparent);padding:.8rem;border-radius:.4rem}
table{border-collapse:collapse;width:100%}td{border-top:1px solid var(--line);padding:.25rem .6rem .25rem 0;vertical-align:top}
</style></head><body>
<h1>Loci API</h1><p id="about"></p><p><a href="/openapi.json">openapi.json</a></p><main id="main">Loading …</main>
<script type="module">
const doc = await (await fetch('/openapi.json')).json()
const el = (tag, props = {}, ...children) => { const e = Object.assign(document.createElement(tag), props); e.append(...children); return e }
const resolve = (s, depth = 0) => {
  if (!s || depth > 4) return s
  if (s.$ref) return resolve(doc.components.schemas[s.$ref.split('/').pop()], depth + 1)
  const out = { ...s }
  if (s.properties) out.properties = Object.fromEntries(Object.entries(s.properties).map(([k, v]) => [k, resolve(v, depth + 1)]))
  if (s.items) out.items = resolve(s.items, depth + 1)
  return out
}
const schemaOf = (content) => Object.values(content ?? {})[0]?.schema
document.getElementById('about').textContent = doc.info.description
const groups = {}
for (const [path, ops] of Object.entries(doc.paths)) for (const [method, op] of Object.entries(ops)) (groups[op.tags?.[0] ?? 'other'] ??= []).push({ path, method, ...op })
const main = document.getElementById('main'); main.textContent = ''
for (const [tag, ops] of Object.entries(groups).sort()) {
  main.append(el('h2', { textContent: tag.replaceAll('_', ' ') }))
  for (const op of ops) {
    const params = el('table', {}, ...(op.parameters ?? []).map((p) => el('tr', {}, el('td', {}, el('code', { textContent: p.name })), el('td', { textContent: p.in + (p.required ? ', required' : '') }), el('td', { textContent: p.description ?? p.schema?.description ?? '' }))))
    const body = schemaOf(op.requestBody?.content), ok = schemaOf((op.responses['200'] ?? op.responses['204'] ?? {}).content)
    main.append(el('details', {}, el('summary', {}, el('code', { className: 'm', textContent: op.method }), el('code', { textContent: op.path }), el('span', { className: 's', textContent: op.operationId })),
      el('p', { textContent: op.description ?? op.summary ?? '' }), params,
      ...(body ? [el('h4', { textContent: 'Body' }), el('pre', { textContent: JSON.stringify(resolve(body), null, 2) })] : []),
      ...(ok ? [el('h4', { textContent: 'Answer' }), el('pre', { textContent: JSON.stringify(resolve(ok), null, 2) })] : [])))
  }
}
</script></body></html>`
