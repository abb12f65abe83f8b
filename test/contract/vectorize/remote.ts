import { RestVectorIndex } from './rest'
import { vectorizeContract } from './suite'

// The contract on an index of a Cloudflare account; `npm run test:vectorize -- --index <name>` runs it and sets these variables.
const { CLOUDFLARE_ACCOUNT_ID: account = '', CLOUDFLARE_API_TOKEN: token = '', VECTORIZE_INDEX: index = '' } = process.env

vectorizeContract(async () => {
  const subject = new RestVectorIndex({ account, token, index })
  const { config } = await subject.config()
  return { index: subject, metric: config.metric, vectorsPerCall: 5000 }
})
