import { defineConfig } from 'vitest/config'

// Unit tests sit beside their source. End-to-end tests look at real containers and at the whole machine from outside, so
// they run after the others and one file at a time.
/**
 * On a loaded machine a test may miss what it waits for. CI tries a test that failed once more, and scripts/summary.ts names
 * it even if it passes then.
 */
const retry = process.env['CI'] ? 1 : 0

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          testTimeout: 30_000, // some go through all of the source
          retry,
          sequence: { groupOrder: 0 },
          include: [
            'src/**/*.test.ts',
            'native/**/*.test.ts',
            'spec/**/*.test.ts',
            'testing/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'e2e',
          retry,
          include: ['conformance/**/*.test.ts'],
          exclude: ['conformance/vm/**'], // `npm run test:vm`
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
