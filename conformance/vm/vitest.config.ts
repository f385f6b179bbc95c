import { defineConfig } from 'vitest/config'

// In the machine, where everything takes ten times as long.
export default defineConfig({
  test: {
    name: 'vm',
    root: new URL('../..', import.meta.url).pathname,
    include: ['conformance/**/*.test.ts'],
    fileParallelism: false,
    retry: 1, // as ../../vitest.config.ts in CI
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
