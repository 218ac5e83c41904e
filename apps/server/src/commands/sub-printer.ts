import { matches } from '@isomq/kernel'
import type { IPublishPacket } from 'mqtt-packet'
import { payloadOf } from '../client/arrived.ts'
import { compileFormat } from '../client/format.ts'
import type { OnMessage } from '../client/inbound.ts'
import { escapeText } from '../escape-text.ts'

/** The flags that say what is printed, and how. `C` is a count of messages, `N` and `R` are switches. */
export interface PrintFlags {
  readonly filterOut?: readonly string[]
  readonly F?: string
  readonly verbose?: boolean
  readonly pretty?: boolean
  /** Percent of the messages. */
  readonly randomFilter?: number
  readonly N?: boolean
  readonly R?: boolean
  readonly C?: number
  readonly retainedOnly?: boolean
  readonly removeRetained?: boolean
}

/** What the printer does to the world. */
export interface PrinterEffects {
  readonly print: (bytes: Buffer) => void
  /** No more messages are wanted. */
  readonly done: (code: number) => void
  /** Clear the retained message of this topic. */
  readonly remove: (topic: string) => void
  /** From 0 to 1, for `--random-filter`. */
  readonly random: () => number
}

/** Prints each message that the flags want, and tells when it was the last. */
export function printer(flags: PrintFlags, effects: PrinterEffects): OnMessage {
  const format = lineOf(flags)
  const lineEnd = Buffer.from(flags.N === true ? '' : '\n')
  let count = 0
  return (message) => {
    if (flags.retainedOnly === true && !message.retain) {
      effects.done(0)
      return false
    }
    if (flags.R === true && message.retain) return true
    if (flags.filterOut?.some((filter) => matches(filter, message.topic)) === true) return true
    if (flags.removeRetained === true && message.retain) effects.remove(message.topic)
    // Those that chance leaves out count for -C, as they do for mosquitto_sub.
    if (flags.randomFilter === undefined || effects.random() * 100 < flags.randomFilter) {
      try {
        effects.print(Buffer.concat([format(message), lineEnd]))
      } catch (error) {
        process.stderr.write(`isomq: ${escapeText((error as Error).message)}\n`)
      }
    }
    count += 1
    if (count === flags.C) effects.done(0)
    return true
  }
}

function lineOf(flags: PrintFlags): (message: IPublishPacket) => Buffer {
  if (flags.F !== undefined) {
    const format = compileFormat(flags.F, flags.pretty)
    return (message) => format({ message, time: Date.now() })
  }
  if (flags.verbose !== true) return payloadOf
  return (message) => {
    const payload = payloadOf(message)
    return Buffer.concat([Buffer.from(`${message.topic} `), payload.length > 0 ? payload : Buffer.from('(null)')])
  }
}
