import { Link, type LinkHandler } from './link.ts'
import { publishTemplate } from './packets.ts'
import type { Fill, Target } from './plan.ts'

const PAYLOAD = 64
const UNACKNOWLEDGED = 1000
const SLEEPER = 'bench-sleeper'

/** Leaves so many messages in a broker: the retained messages of as many topics, or what one sleeping session is owed, which the first ones make. */
// oxlint-disable-next-line max-params -- where, what, and which of them
export async function fill(target: Target, what: Fill, from: number, count: number): Promise<void> {
  if (what === 'pending' && from === 0) {
    const sleeper = await Link.open(target, SLEEPER, 0, { kept: true, publish: unexpected, control: unexpected, end })
    await sleeper.subscribe(['bench/#'], 1)
    sleeper.leave()
  }
  const publisher = new Filler(what, from, count)
  await publisher.run(target)
}

/** Publishes with QoS 1, so that the broker has taken over every message when it is done. */
class Filler implements LinkHandler {
  readonly #what: Fill
  readonly #from: number
  readonly #count: number
  #sent = 0
  #acknowledged = 0
  #link: Link | undefined
  #done: () => void = end

  constructor(what: Fill, from: number, count: number) {
    this.#from = from
    this.#what = what
    this.#count = count
  }

  async run(target: Target): Promise<void> {
    this.#link = await Link.open(target, 'bench-filler', 0, this)
    const done = new Promise<void>((resolve) => (this.#done = resolve))
    this.#pump()
    await done
    this.#link.leave()
  }

  publish(): void {
    unexpected()
  }

  control(header: number): void {
    if (header !== 0x40) throw new Error(`a publisher received packet 0x${header.toString(16)}`)
    this.#acknowledged++
  }

  end(): void {
    if (this.#acknowledged === this.#count) this.#done()
    else this.#pump()
  }

  #pump(): void {
    // The chunk with the CONNACK comes before the link is ours.
    if (this.#link === undefined) return
    const frames: Buffer[] = []
    for (; this.#sent < Math.min(this.#count, this.#acknowledged + UNACKNOWLEDGED); this.#sent++) {
      const topic =
        this.#what === 'pending' ? 'bench/owed' : `bench/kept/${String(this.#from + this.#sent).padStart(7, '0')}`
      const { bytes, packetIdAt } = publishTemplate(topic, 0, PAYLOAD, 1)
      bytes.writeUInt16BE((this.#sent % 65_535) + 1, packetIdAt)
      if (this.#what === 'retained') bytes[0]! |= 1
      frames.push(bytes)
    }
    if (frames.length > 0) this.#link.send(Buffer.concat(frames))
  }
}

function unexpected(): never {
  throw new Error('a client that only fills received a message')
}

function end(): void {}
