/** When and by which device something was said: texts whose order is that of time, the same on all devices. */
export type Stamp = string

/** Before everything. */
export const never: Stamp = ''

/**
 * A hybrid logical clock: later than every stamp it has seen, near to the time of the wall, and no two devices have the
 * same stamp.
 */
export class Clock {
  readonly #device: string
  readonly #now: () => number
  #time = 0
  #count = 0

  /** `device`: letters and digits; `now`: milliseconds since the epoch. */
  constructor(device: string, now: () => number = Date.now) {
    this.#device = device
    this.#now = now
  }

  /** The next stamp. */
  tick(): Stamp {
    const now = this.#now()
    if (now > this.#time) {
      this.#time = now
      this.#count = 0
    } else this.#count++
    return `${this.#time.toString(36).padStart(9, '0')}.${this.#count.toString(36).padStart(4, '0')}.${this.#device}`
  }

  /** Another device has said this. A clock that is a day ahead of ours or more is not followed. */
  seen(stamp: Stamp): void {
    const read = readStamp(stamp)
    if (read === undefined || read.time < this.#time || read.time > this.#now() + 86_400_000) return
    if (read.time > this.#time) this.#count = read.count
    else this.#count = Math.max(this.#count, read.count)
    this.#time = read.time
  }
}

/** The time in a stamp, milliseconds since the epoch; undefined where it has none. */
export function timeOf(stamp: Stamp): number | undefined {
  return readStamp(stamp)?.time
}

function readStamp(stamp: Stamp): { readonly time: number; readonly count: number } | undefined {
  const match = /^([0-9a-z]{9})\.([0-9a-z]{4})\./.exec(stamp)
  if (match === null) return undefined
  return { time: Number.parseInt(match[1]!, 36), count: Number.parseInt(match[2]!, 36) }
}
