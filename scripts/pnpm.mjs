import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { local, root, run } from './processes.mjs'

/** Runs pnpm as pinned in package.json: the one that is running this very script if it is that one, else through npx. */
function pnpm(args) {
  const version = pinned()
  const running = process.env.npm_execpath ?? ''
  if (!(process.env.npm_config_user_agent ?? '').startsWith(`pnpm/${version} `) || running === '')
    return run('npx', ['--yes', `pnpm@${version}`, ...args])
  return /\.[cm]?js$/.test(running) ? run(process.execPath, [running, ...args]) : run(running, args)
}

/** Installs what the lockfile says, unless that is what is there. Returns pnpm's exit code. */
export async function install() {
  if (installed()) return 0
  process.stdout.write('installing dependencies …\n')
  // It is the pinned pnpm already: looking the pin up would only need the network, and a lockfile that records it.
  const { code, text } = await pnpm(['install', '--frozen-lockfile', '--pm-on-fail=ignore', '--loglevel=error'])
  if (code !== 0) process.stderr.write(`${text}the dependencies could not be installed\n`)
  return code
}

/** pnpm keeps a copy of the lockfile it has carried out. */
function installed() {
  const copy = join(root, 'node_modules/.pnpm/lock.yaml')
  if (!existsSync(copy) || !existsSync(join(root, local('tsc')))) return false
  return readFileSync(copy, 'utf8') === readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')
}

function pinned() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.slice('pnpm@'.length)
}
