import { defineConfig } from 'vitest/config'

// Unit tests sit beside their source. End-to-end tests look at real containers and at the whole machine from outside, so
// they run after the others and one file at a time.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
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
