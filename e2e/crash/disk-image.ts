import type { Step } from './disk-trace.ts'
import type { Random } from './random.ts'

type Write = Extract<Step, { kind: 'write' }>

/** What a loss of power leaves of the writes that were not durable. */
export type Fate = 'lost' | 'there' | 'torn'

/** Disks write so many bytes or none. */
const sector = 512

/** What is on the disk when the power goes before step `cut`. */
export class Disk {
  readonly #durable: Write[] = []
  /** Handed over, perhaps complete, not durable. */
  readonly pending: Write[] = []

  constructor(steps: readonly Step[], cut: number) {
    const written = new Set<Write>()
    const syncs = new Map<number, Write[]>()
    for (const step of steps.slice(0, cut)) {
      if (step.kind === 'write') this.pending.push(step)
      else if (step.kind === 'written') {
        const write = this.pending.find((each) => each.call === step.call)
        if (write?.through === true) this.#keep([write])
        else if (write !== undefined) written.add(write)
      } else if (step.kind === 'sync') {
        syncs.set(
          step.call,
          this.pending.filter((write) => written.has(write)),
        )
      } else if (step.kind === 'synced') this.#keep(syncs.get(step.call) ?? [])
    }
  }

  /** The file as it is found afterwards: `torn` keeps some sectors of what was not durable, in no order. */
  image(fate: Fate, random: Random): Buffer {
    const kept = fate === 'there' ? this.pending : []
    const writes = [...this.#durable, ...kept].sort((a, b) => a.call - b.call)
    const all = [...this.#durable, ...this.pending]
    const image = Buffer.alloc(Math.max(0, ...all.map((write) => write.at + write.bytes.length)))
    for (const { at, bytes } of writes) bytes.copy(image, at)
    if (fate === 'torn')
      for (const { at, bytes } of this.pending)
        for (let from = 0, to; from < bytes.length; from = to) {
          to = Math.min(bytes.length, (Math.floor((at + from) / sector) + 1) * sector - at)
          if (random.percent(50)) bytes.copy(image, at + from, from, to)
        }
    return image
  }

  #keep(writes: readonly Write[]): void {
    for (const write of writes) {
      const at = this.pending.indexOf(write)
      if (at >= 0) this.#durable.push(...this.pending.splice(at, 1))
    }
  }
}
