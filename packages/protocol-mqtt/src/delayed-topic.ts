/** What a topic of the form `$delayed/{seconds}/{topic}` says. */
export interface DelayedTopic {
  readonly topic: string
  /** How long after its acceptance the message is published, milliseconds. */
  readonly delay: number
}

const DOLLAR = 0x24
const prefix = '$delayed/'
// About 49.7 days, as 32 bits of milliseconds can say.
const mostSeconds = 4_294_967

/** Whether a topic name asks for a delay, rightly or wrongly. Costs most names one comparison. */
export function isDelayed(name: string): boolean {
  return name.charCodeAt(0) === DOLLAR && (name.startsWith(prefix) || name === '$delayed')
}

/**
 * Reads such a topic name; undefined when it is wrong. The seconds are one to seven decimal digits, leading zeros
 * allowed, from 0 to 4,294,967; the topic has at least one character and asks for no delay itself.
 */
export function parseDelayed(name: string): DelayedTopic | undefined {
  const end = name.indexOf('/', prefix.length)
  const digits = name.slice(prefix.length, end)
  const topic = name.slice(end + 1)
  const seconds = Number(digits)
  if (end < 0 || !/^[0-9]{1,7}$/.test(digits) || seconds > mostSeconds || topic === '' || isDelayed(topic))
    return undefined
  return { topic, delay: seconds * 1000 }
}
