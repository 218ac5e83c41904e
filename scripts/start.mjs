// npm start: installs, builds, and runs the broker with the demo. Needs Node and npm, nothing else.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { install } from './pnpm.mjs'
import { codeOfSignal, local, root, run } from './processes.mjs'
import { requireNode } from './node-version.mjs'

// npm passes on a signal that the terminal has already given to everybody: twice so close together means once.
const sameSignal = 500
const demoFolder = 'apps/offline-demo'

requireNode()
const code = (await install()) || (await build())
if (code !== 0) process.exit(code)
const args = process.argv.slice(2)
serve(isServing(args) ? [...(await demo(args)), ...args] : args)

async function build() {
  process.stdout.write('building …\n')
  const { code: failed, text } = await run(local('tsc'), ['-b', 'apps/server'])
  if (failed !== 0) {
    process.stderr.write(`${text}the build failed\n`)
    return failed
  }
  const site = await run(local('vite'), ['build', demoFolder, '--logLevel', 'error'])
  if (site.code !== 0) process.stderr.write(`${site.text}the build of the demo failed\n`)
  return site.code
}

/** Whether the broker is to run, and not another of its commands. */
function isServing([first]) {
  return first === undefined || first === 'serve' || first.startsWith('-')
}

/** The web page of the demo, where it usually is or, when somebody else is there, at a free port. */
async function demo(given) {
  const site = [`--site`, `/demo=${join(root, demoFolder, 'dist')}`]
  if (given.some((each) => each === '--http' || each.startsWith('--http='))) return site
  return [...site, '--http', `127.0.0.1:${(await isFree(18083)) ? 18083 : 0}`]
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Runs the broker in a process group of its own, so that it gets the signals that we pass on and no others. */
function serve(args) {
  const detached = process.platform !== 'win32'
  const server = spawn(process.execPath, ['apps/server/bin/isomq.js', ...args], {
    cwd: root,
    stdio: 'inherit',
    detached,
  })
  let passedOn = -Infinity
  const passOn = (signal) => {
    if (performance.now() - passedOn < sameSignal) return
    passedOn = performance.now()
    server.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, passOn)
  whenOrphaned(() => passOn('SIGTERM'))
  server.on('error', (error) => {
    process.stderr.write(`the broker could not be started: ${error.message}\n`)
    process.exit(1)
  })
  server.on('exit', (exitCode, signal) => process.exit(exitCode ?? codeOfSignal(signal)))
}

/** npm signals the shell it runs us in, and that shell dies without passing the signal on: all we see is that it is gone. */
function whenOrphaned(callback) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    callback()
  }, 500)
}
