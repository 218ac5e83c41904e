import { defineConfig } from 'vitest/config'

// vitest reports a failed test with Map.groupBy, which Node 20 does not have yet.
if (!('groupBy' in Map))
  Object.assign(Map, {
    groupBy: <K, V>(items: Iterable<V>, keyOf: (value: V) => K): Map<K, V[]> => {
      const groups = new Map<K, V[]>()
      for (const value of items) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value])
      return groups
    },
  })

// Tests read the packages' TypeScript directly: no build between an edit and its test.
const source = { conditions: ['isomq-source'] }

export default defineConfig({
  resolve: source,
  ssr: { resolve: source },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          setupFiles: ['e2e/support/each-test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
