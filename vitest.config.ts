import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    reporters: ['default', 'json'],
    outputFile: { json: '.cache/test-results.json' },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{services,schemas,deploy,test/harness,test/bench,test/insight,test/structure}/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'stack',
          include: ['test/{contract,integration,e2e}/**/*.test.ts'],
          globalSetup: ['test/harness/global-setup.ts'],
          setupFiles: ['test/harness/setup-worker.ts'],
        },
      },
      { extends: true, test: { name: 'cluster', include: ['test/cluster/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['test/harness/global-setup.ts'],
          setupFiles: ['test/harness/setup-worker.ts'],
          testTimeout: 600_000,
          // These tests stop servers that they all use.
          fileParallelism: false,
        },
      },
    ],
  },
})
