// pnpm size: what a web page loads for a broker of its own, minified and gzipped. Fails where that is more than it may be,
// or where anything of Node is in it. Reads what the build has written.
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'
import { root } from './processes.mjs'

const most = 54 * 1024
const broker = {
  'packages/kernel/dist/index.js': 'createBroker',
  'packages/protocol-mqtt/dist/index.js': 'mqtt',
  'packages/storage-indexeddb/dist/index.js': 'indexedDbStorage',
  'packages/transport-messageport/dist/index.js': 'listenMessagePort',
}
const face = { 'packages/isomq/dist/index.js': '*', 'packages/isomq/dist/idb.js': '*' }

const size = await measure('kernel, MQTT, IndexedDB and MessagePorts', broker)
await measure('everything of `isomq` and `isomq/storage/idb`', face)
if (size > most) fail(`${size} bytes are more than the ${most} that a broker may be`)

async function measure(name, exports) {
  const code = await bundle(exports)
  const foreign = /__vite-browser-external|from\s*["']node:|\brequire\(["']/.exec(code)
  if (foreign !== null) fail(`${name}: a page would load something of Node (${foreign[0]})`)
  const { length } = gzipSync(code, { level: 9 })
  process.stdout.write(`${(length / 1024).toFixed(1).padStart(6)} KiB  ${name}\n`)
  return length
}

async function bundle(exports) {
  const entry = join(root, 'entry-of-a-page.js')
  const lines = Object.entries(exports).map(([file, names]) =>
    names === '*'
      ? `export * from ${JSON.stringify(join(root, file))}`
      : `export { ${names} } from ${JSON.stringify(join(root, file))}`,
  )
  const code = lines.join('\n')
  const outcome = await build({
    configFile: false,
    logLevel: 'error',
    root,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    resolve: { conditions: ['browser', 'module', 'import', 'default'] },
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      target: 'es2022',
      reportCompressedSize: false,
      rollupOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        output: { format: 'es', codeSplitting: false },
      },
    },
  })
  return [outcome]
    .flat()[0]
    .output.map((each) => each.code ?? '')
    .join('')
}

function fail(what) {
  process.stdout.write(`${what}\n`)
  process.exitCode = 1
}
