import type { Command } from 'commander'
import { addClientFlags, addPrintFlags } from './client-command.ts'
import { gather, integer, percent, retainHandling, seconds } from './parse.ts'

/** `isomq sub`, its action yet to be set. */
export function subCommand(program: Command): Command {
  const command = addClientFlags(
    program
      .command('sub')
      .summary('print messages as they arrive')
      .description("Prints messages as they arrive, with mosquitto_sub's letters."),
  )
  command
    .optionsGroup('Messages:')
    .option('-t, --topic <filter>', 'topic filter; may be repeated', gather)
    .option('-q, --qos <qos>', 'highest QoS', integer(0, 2), 0)
    .option('-U, --unsubscribe <filter>', 'unsubscribe from a filter of a kept session; may be repeated', gather)
    .option('--retain-as-published', 'have live messages marked as retained where they are (MQTT 5)')
    .option(
      '--retain-handling <when>',
      'have retained messages `always`, for a `new` subscription, or `never` (MQTT 5)',
      retainHandling,
    )
    .option('--no-local', 'have no messages of this very client (MQTT 5)')
    .option('-T, --filter-out <filter>', 'do not print topics that match; may be repeated', gather)
    .option('-R', 'do not print retained messages')
    .option('--retained-only', 'print retained messages only; exit at the first other one')
    .option('--remove-retained', 'clear each retained message that arrives')
    .option('--random-filter <percent>', 'print so many of the messages, by chance', percent)
    .option('-C <count>', 'exit after so many messages', integer(1, 1_000_000_000))
    .option('-W <seconds>', 'exit after this time, with code 27', seconds)
    .option('-E', 'exit when the broker has acknowledged the subscriptions')
  return addPrintFlags(command).addHelpText(
    'after',
    '\nExit code: 0 when done, 1 when refused, 27 when -W ran out.\n\nExample: isomq sub -t "home/#" -v',
  )
}
