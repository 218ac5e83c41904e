import { fileURLToPath } from 'node:url'
import { start, type Exit, type Process, type StartOptions } from './process.ts'

/** The program of the real command. */
export const bin: string = fileURLToPath(new URL('../../apps/server/bin/isomq.js', import.meta.url))

/** The environment without anything that configures a broker. */
export function plainEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/^(ISOMQ|NODE|VITEST)/i.test(name))
  return { ...Object.fromEntries(names.map((name) => [name, process.env[name]])), ...more }
}

/** Starts the real command, under the command `under` if there is one. */
export function startIsomq(
  args: readonly string[],
  options: StartOptions = {},
  under: readonly string[] = [],
): Process {
  const [command = '', ...rest] = [...under, process.execPath, bin, ...args]
  return start(command, rest, { env: plainEnv(), ...options })
}

/** Runs the real command to its end. */
export function isomq(args: readonly string[], options: StartOptions = {}): Promise<Exit> {
  return startIsomq(args, options).exit()
}
