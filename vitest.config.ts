import { defineConfig } from 'vitest/config'

// Unit tests sit beside their source; end-to-end tests look at real containers from outside and run one file at a time.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'native/**/*.test.ts', 'spec/**/*.test.ts'] } },
      {
        test: {
          name: 'e2e',
          include: ['conformance/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
