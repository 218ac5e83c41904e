import type { Command } from 'commander'
import { integer } from './parse.ts'
import type { PasswdFlags } from './passwd.ts'

// RFC 7677, section 4. Not imported: what knows SCRAM is loaded only when it is needed.
const leastIterations = 4096

/** `isomq passwd`. */
export function passwdCommand(program: Command): Command {
  return program
    .command('passwd')
    .summary('make what the broker keeps of a password')
    .description(
      'Reads a password, typed or from the first line of stdin, and prints what the broker keeps instead of it.',
    )
    .requiredOption('--scram <user>', 'print the entry of this user for authentication.scram.users')
    .option(
      '--iterations <count>',
      'rounds of PBKDF2: each login costs the client as many, and so does each guess of a thief',
      integer(leastIterations, 10_000_000),
      leastIterations,
    )
    .action(async (flags: PasswdFlags) => {
      const { passwd } = await import('./passwd.ts')
      process.stdout.write(await passwd(flags))
    })
    .addHelpText('after', '\nExample: isomq passwd --scram alice')
}
