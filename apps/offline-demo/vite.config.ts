import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build, defineConfig, type Plugin } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))
// The packages of this repository are read as they are written, not as they were last built.
const conditions = ['isomq-source', 'browser', 'module', 'import', 'default']

export default defineConfig({
  root,
  // It may be served below any path.
  base: './',
  resolve: { conditions },
  worker: { format: 'es' },
  build: { target: 'es2022', chunkSizeWarningLimit: 1000, modulePreload: { polyfill: false } },
  plugins: [serviceWorker()],
})

/** Builds `src/sw.ts` to `sw.js`, which knows every file of the build and a version that follows from their contents. */
function serviceWorker(): Plugin {
  let folder = ''
  return {
    name: 'service-worker',
    apply: 'build',
    configResolved({ build: { outDir } }) {
      folder = fileURLToPath(new URL(outDir, `file://${root}`))
    },
    async closeBundle() {
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length).replace(/^\//, ''))
        .filter((file) => file !== 'sw.js')
        .sort()
      const hash = createHash('sha256')
      for (const file of files) hash.update(file).update(readFileSync(`${folder}/${file}`))
      await build({
        configFile: false,
        logLevel: 'warn',
        root,
        resolve: { conditions },
        define: { __FILES__: JSON.stringify(files), __VERSION__: JSON.stringify(hash.digest('hex').slice(0, 16)) },
        build: {
          outDir: folder,
          emptyOutDir: false,
          copyPublicDir: false,
          target: 'es2022',
          rollupOptions: {
            input: `${root}src/sw.ts`,
            output: { entryFileNames: 'sw.js', format: 'iife', codeSplitting: false },
          },
        },
      })
    },
  }
}
