import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from './bootstrap.mjs'
import { BuildError } from './bundle.ts'
import { serve } from './serve.ts'

// `npm run openapi`: writes the document that the server serves to the snapshot that the tests compare it with.

const file = path.join(root, 'test', 'contract', 'openapi.json')

type Named = Record<string, unknown>
const byName = (entries: Named): Named => Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))

/** The document as text: paths and components by name, everything else as it is served. */
function textOf({ components, paths, ...rest }: { components: Record<string, Named>; paths: Named }): string {
  const sorted = Object.fromEntries(Object.entries(components).map(([kind, named]) => [kind, byName(named)]))
  return `${JSON.stringify({ ...rest, components: sorted, paths: byName(paths) }, null, 2)}\n`
}

const state = mkdtempSync(path.join(tmpdir(), 'loci-openapi-'))
try {
  const served = await serve({ state })
  try {
    const text = textOf(await (await fetch(`${served.url}/openapi.json`)).json())
    writeFileSync(file, text)
    console.log(`${path.relative(root, file)}: ${(text.length / 1024).toFixed(0)} KB`)
  } finally {
    await served.dispose()
  }
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(state, { recursive: true, force: true })
}
