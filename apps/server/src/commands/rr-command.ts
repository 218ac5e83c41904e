import type { Command } from 'commander'
import { addClientFlags, addPrintFlags } from './client-command.ts'
import { integer, seconds } from './parse.ts'

/** `isomq rr`, its action yet to be set. */
export function rrCommand(program: Command): Command {
  const command = addClientFlags(
    program
      .command('rr')
      .summary('publish a request and print the response')
      .description("Publishes a request and prints the first response, with mosquitto_rr's letters."),
  )
  command
    .optionsGroup('Request and response:')
    .option('-t, --topic <topic>', 'topic of the request')
    .option('-e, --response-topic <topic>', 'topic on which the response is awaited')
    .option('-m, --message <text>', 'request: this text')
    .option('-f, --file <file>', 'request: this file')
    .option('-n, --null-message', 'request: nothing')
    .option('-s, --stdin-file', 'request: all of stdin')
    .option('-q, --qos <qos>', 'QoS of the request, and highest of the response', integer(0, 2), 0)
    .option('-R', 'do not take a retained message for the response')
    .option('-W <seconds>', 'exit after this time, with code 27', seconds)
  return addPrintFlags(command).addHelpText('after', helpTail)
}

const helpTail = `
In MQTT 5 the request names its response topic. With -D publish correlation-data,
a message that carries other correlation data is not taken for the response.

Exit code: 0 with a response, 1 when refused, 27 when -W ran out.

Example: isomq rr -t lights/ask -e lights/answer/me -m "which are on?" -W 5`
