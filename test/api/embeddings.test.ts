import { env } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { configOf, type Env } from '../../src/env'
import { embeddingCatalog } from '../../src/models'
import { cosine } from '../support/vectors'

it('the built-in embedding model embeds for a Worker, over the network that a Worker has', async () => {
  const config = configOf(env as unknown as Env)
  const model = embeddingCatalog(config)('loci/use-lite')
  const [cat, kitten, invoice] = await model.embed(['The cat sleeps.', 'A kitten is asleep.', 'The invoice is overdue.'], 'document')
  expect([model.handle, cat?.length]).toEqual(['loci/use-lite', 512])
  expect(cosine(cat, kitten)).toBeGreaterThan(cosine(cat, invoice) + 0.1)
})
