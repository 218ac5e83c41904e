import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = fileURLToPath(new URL('..', import.meta.url))

/** Writes a script that a page or a worker can load, `<name>.js`, with all that its code imports. */
export async function bundle(folder: string, name: string, code: string): Promise<void> {
  const entry = join(here, `virtual-${name}.js`)
  await build({
    configFile: false,
    logLevel: 'error',
    root: here,
    plugins: [
      {
        name: 'virtual',
        enforce: 'pre',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    resolve: { conditions: ['isomq-source', 'browser', 'module', 'import', 'default'] },
    build: {
      outDir: folder,
      emptyOutDir: false,
      modulePreload: false,
      minify: false,
      target: 'es2022',
      reportCompressedSize: false,
      rollupOptions: { input: entry, output: { entryFileNames: `${name}.js`, format: 'es' } },
    },
  })
}
