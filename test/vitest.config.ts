import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { startEmbedder } from '../src/local/embedder/index.ts'

/** Variables of the Worker under test: keys are on, nothing is rate limited, webhooks may reach this machine. */
const bindings = {
  ENVIRONMENT: 'local',
  AUTH: 'keys',
  ADMIN_KEY: 'test-admin-key',
  ENCRYPTION_KEY: 'test-encryption-key',
  WEBHOOK_SECRET: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
  EGRESS_ALLOW: 'loopback',
  RATE_LIMIT: 'off',
  LOG_LEVEL: 'error',
  // Texts are embedded where a test asks for it.
  DEFAULT_EMBEDDING: 'none',
  // How many generated requests each operation gets in test/api/hostile.test.ts.
  HOSTILE_RUNS: process.env.HOSTILE_RUNS ?? '15',
}

/** One for the whole run: it costs nothing until a test embeds, and ends with this process. */
let embedder: ReturnType<typeof startEmbedder> | undefined

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        plugins: [
          cloudflareTest(async () => {
            embedder ??= startEmbedder()
            const LOCAL_EMBEDDER_URL = (await embedder).url
            return {
              remoteBindings: false,
              wrangler: { configPath: './wrangler.toml' },
              miniflare: { bindings: { ...bindings, LOCAL_EMBEDDER_URL, TEST_MIGRATIONS: await readD1Migrations('migrations') } },
            }
          }),
        ],
        test: {
          name: 'worker',
          include: ['test/{api,agent}/**/*.test.ts'],
          setupFiles: ['test/support/migrate.ts', 'test/support/no-network.ts'],
          testTimeout: 20_000,
          isolate: false,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'http',
          include: ['test/{contract,e2e}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
