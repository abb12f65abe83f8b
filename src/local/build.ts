import path from 'node:path'
import { root } from './bootstrap.mjs'
import { BuildError, bundleWorker } from './bundle.ts'

// `npm run build`: the production bundle, and its size as Cloudflare counts it.
const limit = 3 * 1024 * 1024

try {
  const { folder, size, migrations } = await bundleWorker()
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(2)} MB`
  console.log(`${path.relative(root, folder)}: ${megabytes(size.bytes)}, ${megabytes(size.gzip)} gzip, ${migrations.length} migrations`)
  if (size.gzip > limit) {
    console.error(`The bundle is larger than ${megabytes(limit)} gzip, which Cloudflare's free plan refuses.`)
    process.exit(1)
  }
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error)
  process.exit(1)
}
