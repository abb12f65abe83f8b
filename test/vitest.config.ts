import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

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
  // How many generated requests each operation gets in test/api/hostile.test.ts.
  HOSTILE_RUNS: process.env.HOSTILE_RUNS ?? '15',
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        plugins: [
          cloudflareTest(async () => ({
            remoteBindings: false,
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { ...bindings, TEST_MIGRATIONS: await readD1Migrations('migrations') } },
          })),
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
