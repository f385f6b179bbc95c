import { defineConfig } from 'vitest/config'

// In the machine, where everything takes ten times as long; longer still where others slow it down: see README.md.
const timeout = 20_000 * Number(process.env['TSRUN_PATIENCE'] ?? 6)

export default defineConfig({
  test: {
    name: 'vm',
    root: new URL('../..', import.meta.url).pathname,
    include: ['conformance/**/*.test.ts'],
    fileParallelism: false,
    retry: 1, // as ../../vitest.config.ts in CI
    testTimeout: timeout,
    hookTimeout: timeout,
  },
})
