import type { Command } from 'commander'
import { addClientFlags } from './client-command.ts'
import { integer, seconds } from './parse.ts'

/** `isomq pub`, its action yet to be set. */
export function pubCommand(program: Command): Command {
  return addClientFlags(
    program.command('pub').summary('publish messages').description("Publishes messages, with mosquitto_pub's letters."),
  )
    .optionsGroup('Message:')
    .option('-t, --topic <topic>', 'topic to publish to')
    .option('-m, --message <text>', 'payload')
    .option('-f, --file <file>', 'payload: this file')
    .option('-n, --null-message', 'payload: none')
    .option('-s, --stdin-file', 'payload: all of stdin')
    .option('-l, --stdin-line', 'one message for each line of stdin that is not empty')
    .option('-q, --qos <qos>', 'QoS', integer(0, 2), 0)
    .option('-r, --retain', 'retain the message')
    .option('--repeat <count>', 'publish it so many times', integer(1, 1_000_000_000))
    .option('--repeat-delay <seconds>', 'time between two of them', seconds)
    .option('-M, --max-inflight <count>', 'messages of QoS 1 and 2 under way at a time', integer(1, 65_535), 20)
    .addHelpText(
      'after',
      '\nExit code: 0 when the broker took every message, else 1.\n\nExample: isomq pub -t home/lamp -m on -q 1 -r',
    )
}
