import type { Command } from 'commander'
import type { ConfigFlags } from '../config/flags.ts'
import { addConfigFlags } from './serve-command.ts'

/** `isomq config check` and `isomq config print`. */
export function configCommand(program: Command): Command {
  const config = program.command('config').summary('check or print the configuration')
  config.description('Checks or prints the configuration that `isomq serve` would use with the same flags.')
  addConfigFlags(config.command('check').argument('[file]', 'the same as --config'))
    .description('Tells every problem, one a line, with exit code 1.')
    .action(async (file: string | undefined, flags: ConfigFlags) => {
      const { checkCommand } = await import('./config.ts')
      process.stdout.write(await checkCommand(file === undefined ? flags : { ...flags, config: file }))
    })
  addConfigFlags(config.command('print'))
    .description('Prints every key in force and where its value comes from.')
    .option('--json', 'as JSON')
    .action(async (flags: ConfigFlags & { readonly json?: boolean }) => {
      const { printCommand } = await import('./config.ts')
      process.stdout.write(await printCommand(flags, flags.json === true))
    })
  return config
}
