import { matches } from '@isomq/kernel'
import type { IPublishPacket } from 'mqtt-packet'
import { payloadOf } from '../client/arrived.ts'
import { compileFormat } from '../client/format.ts'
import type { OnMessage } from '../client/inbound.ts'
import type { SubFlags } from './sub.ts'

/** What the printer does to the world. */
export interface PrinterEffects {
  readonly print: (bytes: Buffer) => void
  /** No more messages are wanted. */
  readonly done: (code: number) => void
  /** Clear the retained message of this topic. */
  readonly remove: (topic: string) => void
}

/** Prints each message that the flags want, and tells when it was the last. */
export function printer(flags: SubFlags, effects: PrinterEffects): OnMessage {
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
    try {
      effects.print(Buffer.concat([format(message), lineEnd]))
    } catch (error) {
      process.stderr.write(`Error: ${(error as Error).message}\n`)
    }
    count += 1
    if (count === flags.C) effects.done(0)
    return true
  }
}

function lineOf(flags: SubFlags): (message: IPublishPacket) => Buffer {
  if (flags.F !== undefined) {
    const format = compileFormat(flags.F)
    return (message) => format({ message, time: Date.now() })
  }
  if (flags.verbose !== true) return payloadOf
  return (message) => {
    const payload = payloadOf(message)
    return Buffer.concat([Buffer.from(`${message.topic} `), payload.length > 0 ? payload : Buffer.from('(null)')])
  }
}
