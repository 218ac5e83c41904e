import { run } from './cli.ts'

const code = await run(process.argv.slice(2))
// A broker goes on; everything else is done, whatever timers and sockets are left.
if (code !== undefined) process.stdout.write('', () => process.exit(code))
