import { mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type InlineConfig, type Plugin } from 'vite'

/** What stands in for the storage in memory where the protocol's tests use one. */
export type Keeping = 'memory' | 'indexeddb'

const here = fileURLToPath(new URL('.', import.meta.url))
const resolve = createRequire(import.meta.url).resolve
const overIndexedDb: Readonly<Record<string, string>> = {
  '@isomq/storage-memory': join(here, 'storage-over-indexeddb.ts'),
  '@isomq/testkit': join(here, 'testkit-over-indexeddb.ts'),
}

/** A web site with the suites: `/` has `runIn`. Returns the folder that it is in, which is the caller's. */
export async function buildSuites(keeping: Keeping): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'isomq-suites-'))
  const common = configOf(outDir, keeping === 'indexeddb' ? [replaces(overIndexedDb)] : [])
  await build(withEntries(common, ['page.ts', 'suites.ts']))
  await build(withEntries(common, ['service-worker.ts']))
  writeFileSync(join(outDir, 'index.html'), '<!doctype html><script type="module" src="/page.js"></script>')
  return outDir
}

function configOf(outDir: string, plugins: readonly Plugin[]): InlineConfig {
  return {
    configFile: false,
    logLevel: 'warn',
    root: here,
    plugins: [...plugins],
    define: { 'process.env': JSON.stringify({ ISOMQ_MODEL_RUNS: '20', RUNS: '20' }) },
    resolve: {
      conditions: ['isomq-source', 'browser', 'module', 'import', 'default'],
      alias: [
        { find: /^vitest$/, replacement: join(here, 'vitest.ts') },
        // The second opinion on the codec, and some tests, take them from Node.
        { find: /^(?:node:)?buffer\/?$/, replacement: resolve('buffer/') },
        { find: /^(?:node:)?events\/?$/, replacement: resolve('events/') },
      ],
    },
    build: { outDir, emptyOutDir: false, minify: false, target: 'es2022', reportCompressedSize: false },
  }
}

function withEntries(config: InlineConfig, entries: readonly string[]): InlineConfig {
  const input = entries.map((entry) => join(here, entry))
  const output = { entryFileNames: '[name].js', format: 'es' } as const
  return { ...config, build: { ...config.build, rollupOptions: { input, output, preserveEntrySignatures: 'strict' } } }
}

/** Modules that take the place of others, but not for themselves. */
function replaces(replacements: Readonly<Record<string, string>>): Plugin {
  const own = new Set(Object.values(replacements))
  return {
    name: 'isomq-replaces',
    enforce: 'pre',
    resolveId: (source, importer) =>
      importer !== undefined && own.has(importer) ? undefined : (replacements[source] ?? undefined),
  }
}
