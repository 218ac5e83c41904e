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
  const folder = siteWith('page.js')
  const common = configOf(folder, keeping)
  await build(withEntries(common, ['page.ts', 'suites.ts']))
  await build(withEntries(common, ['service-worker.ts']))
  return folder
}

/** A web site whose page is a `StoragePage`. Returns the folder that it is in, which is the caller's. */
export async function buildStoragePage(): Promise<string> {
  const folder = siteWith('storage-page.js')
  await build(withEntries(configOf(folder, 'memory'), ['storage-page.ts']))
  return folder
}

function siteWith(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'isomq-site-'))
  writeFileSync(join(folder, 'index.html'), `<!doctype html><script type="module" src="/${script}"></script>`)
  return folder
}

function configOf(outDir: string, keeping: Keeping): InlineConfig {
  // Where each run is a new database, fewer of them must do.
  const runs = keeping === 'indexeddb' ? '20' : '300'
  const env = { ISOMQ_KEEPING: keeping, ISOMQ_MODEL_RUNS: runs, RUNS: runs }
  return {
    configFile: false,
    logLevel: 'error',
    root: here,
    plugins: keeping === 'indexeddb' ? [replaces(overIndexedDb)] : [],
    define: { 'process.env': JSON.stringify(env) },
    resolve: {
      conditions: ['isomq-source', 'browser', 'module', 'import', 'default'],
      alias: [
        { find: /^vitest$/, replacement: join(here, 'vitest.ts') },
        // The second opinion on the codec, and some tests, take them from Node.
        { find: /^(?:node:)?buffer\/?$/, replacement: resolve('buffer/') },
        { find: /^(?:node:)?events\/?$/, replacement: resolve('events/') },
      ],
    },
    // What fetches ahead needs a document.
    build: {
      outDir,
      modulePreload: false,
      emptyOutDir: false,
      minify: false,
      target: 'es2022',
      reportCompressedSize: false,
    },
  }
}

function withEntries(config: InlineConfig, entries: readonly string[]): InlineConfig {
  const input = entries.map((entry) => join(here, entry))
  const output = { entryFileNames: '[name].js', format: 'es' } as const
  // Test files are nothing but side effects, whatever their packages say of themselves.
  const rollupOptions = { input, output, preserveEntrySignatures: 'strict', treeshake: false } as const
  return { ...config, build: { ...config.build, rollupOptions } }
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
