import type { Command } from 'commander'
import { integer } from './parse.ts'
import type { PasswdFlags } from './passwd.ts'

// RFC 7677, section 4. Not imported: what knows SCRAM is loaded only when it is needed.
const leastIterations = 4096

/** `isomq passwd`. */
export function passwdCommand(program: Command): Command {
  return program
    .command('passwd')
    .summary('keep users and passwords in a file, or make what the broker keeps of a password')
    .description(
      'Sets the password of a user in a password file, as mosquitto_passwd does: it is typed, or the first line of stdin. With --scram it prints an entry for the configuration instead.',
    )
    .argument('[file]', 'the password file')
    .argument('[user]')
    .argument('[password]', 'with -b alone')
    .option('-c, --create', 'make the file anew')
    .option('-b, --batch', 'take the password from the command line, where others may see it')
    .option('-D, --delete', 'delete the user')
    .option('-U, --update', 'hash what stands in the file in clear')
    .option('--scram <user>', 'print the entry of this user for authentication.scram.users')
    .option(
      '--iterations <count>',
      'with --scram: rounds of PBKDF2; each login costs the client as many, and so does each guess of a thief',
      integer(leastIterations, 10_000_000),
      leastIterations,
    )
    .action(
      async (file: string | undefined, user: string | undefined, password: string | undefined, flags: PasswdFlags) => {
        const { passwd } = await import('./passwd.ts')
        process.stdout.write(await passwd(flags, file, user, password))
      },
    )
    .addHelpText('after', '\nExamples: isomq passwd -c passwords alice\n          isomq passwd --scram alice')
}
