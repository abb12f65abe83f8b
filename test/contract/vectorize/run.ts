import { parseArgs } from 'node:util'
import { runTool } from '../../../src/local/bootstrap.mjs'
import { contractDimensions, contractMetadata } from './fixture.ts'
import { RestVectorIndex } from './rest.ts'

// `npm run test:vectorize -- --index <name>`: the contract of an index, on one that is in a Cloudflare account. See docs/vectorize.md.

class UsageError extends Error {}

/** Commands that make an index which the contract can be run on. */
const commands = (index: string, missing: [string, string][], create: boolean): string =>
  [
    ...(create ? [`npx wrangler vectorize create ${index} --dimensions=${contractDimensions} --metric=cosine`] : []),
    ...missing.map(([name, type]) => `npx wrangler vectorize create-metadata-index ${index} --property-name=${name} --type=${type}`),
  ].join('\n')

async function check(index: string | undefined): Promise<string> {
  if (!index) throw new UsageError('usage: npm run test:vectorize -- --index <name>')
  const { CLOUDFLARE_ACCOUNT_ID: account, CLOUDFLARE_API_TOKEN: token } = process.env
  if (!account || !token)
    throw new UsageError('Set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN: an account, and a token that may edit Vectorize there.')
  const rest = new RestVectorIndex({ account, token, index })
  const all = Object.entries(contractMetadata)
  const made = await rest.config().catch((error: Error) => {
    throw new UsageError(`The index '${index}' cannot be read: ${error.message}\nTo make it:\n${commands(index, all, true)}`)
  })
  const { dimensions } = made.config
  if (dimensions !== contractDimensions)
    throw new UsageError(
      `The index '${index}' has ${dimensions} dimensions; the contract needs one of ${contractDimensions}, made for it alone.`,
    )
  const { metadataIndexes } = await rest.metadataIndexes()
  const missing = all.filter(
    ([name, type]) => !metadataIndexes.some(({ propertyName, indexType }) => propertyName === name && indexType.toLowerCase() === type),
  )
  if (missing.length > 0) throw new UsageError(`The index '${index}' lacks metadata indexes:\n${commands(index, missing, false)}`)
  return index
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { index: { type: 'string' } } })
  const index = await check(values.index)
  const args = ['run', '--config', 'test/contract/vectorize/vitest.config.ts', '--root', '.']
  return runTool('vitest', args, { env: { VECTORIZE_INDEX: index } })
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(
      error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ? (error as Error).message : error,
    )
    process.exit(1)
  },
)
