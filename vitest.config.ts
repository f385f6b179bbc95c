import { defineConfig } from 'vitest/config'

// Unit tests sit beside their source. Those that try all of something (each call failing, two whole builds, another
// processor) are exhaustive: seconds each, so `npm run ok` leaves them out. End-to-end tests look at real containers and at the
// whole machine from outside, so they run after the others and one file at a time.

const SOURCE = ['src', 'native', 'spec', 'testing', 'bench']
/** What proofs name in the sources is there: a change of those has to hear of it at once. */
const LISTS = ['conformance/attacks/*.test.ts', 'conformance/selection/table.test.ts']
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
          isolate: false, // half of the time was the loading of the same modules for each file
          sequence: { groupOrder: 0 },
          include: [...SOURCE.map(folder => `${folder}/**/*.test.ts`), ...LISTS],
          exclude: ['**/*.exhaustive.test.ts'],
        },
      },
      {
        test: {
          name: 'exhaustive',
          testTimeout: 120_000,
          retry,
          sequence: { groupOrder: 1 },
          include: SOURCE.map(folder => `${folder}/**/*.exhaustive.test.ts`),
        },
      },
      {
        test: {
          name: 'e2e',
          retry,
          include: ['conformance/**/*.test.ts'],
          exclude: ['conformance/vm/**', ...LISTS], // `npm run test:vm`
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
