import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The top folder of the repository, where every command runs. */
export const root = fileURLToPath(new URL('..', import.meta.url))

// On Windows a command of npm's is a .cmd file, and only a shell can run that.
const windows = process.platform === 'win32'

/**
 * Runs a command to its end. `output` is `inherit`, or `capture` to get both streams back as text; `env` is added to the
 * environment. The code is that of a shell: 127 when there is no such command, 128 and the number when a signal ended it.
 */
export async function run(command, args, output = 'inherit', env = {}) {
  const stdio = output === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe']
  const shell = windows && !command.endsWith('.exe')
  const child = spawn(command, args, { cwd: root, stdio, shell, env: { ...process.env, ...env } })
  const chunks = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(chunk))
  return await new Promise((resolve) => {
    const done = (code, text) => resolve({ code, text: text ?? Buffer.concat(chunks).toString('utf8') })
    child.on('error', (error) => done(127, `${command}: ${error.message}\n`))
    child.on('close', (code, signal) => done(code ?? codeOfSignal(signal)))
  })
}

/** What a shell calls the end by this signal. */
export function codeOfSignal(signal) {
  return 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0)
}

/** A command that is installed in the repository. */
export function local(name) {
  return `node_modules/.bin/${name}`
}
