import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { name: 'vectorize', include: ['test/contract/vectorize/remote.ts'], testTimeout: 900_000, hookTimeout: 200_000, bail: 5 },
})
