import type { Writable } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as ws from 'ws'
import { FrameReader } from '../src/frame-reader.ts'

interface Spec {
  readonly opcode: number
  readonly fin: boolean
  readonly rsv: number
  readonly masked: boolean
  readonly payload: Uint8Array
}

const maxPayload = 70_000

// Its types leave it out.
const { Receiver } = ws as unknown as { readonly Receiver: new (options: object) => Writable }

function frameOf({ opcode, fin, rsv, masked, payload }: Spec): Buffer {
  const { length } = payload
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const head = Buffer.alloc(2 + extended + (masked ? 4 : 0))
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) head.writeUInt16BE(length, 2)
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2)
  const body = Buffer.from(payload)
  if (masked) {
    const mask = Buffer.from([0x12, 0x34, 0xa5, 0xff])
    mask.copy(head, head.length - 4)
    for (let i = 0; i < length; i++) body[i]! ^= mask[i & 3]!
  }
  return Buffer.concat([head, body])
}

/** What the receiver of `ws` makes of frames: data, pings and pongs, and how it ends. */
class Ears {
  data = Buffer.alloc(0)
  readonly rest: string[] = []
  readonly receiver: Writable

  constructor(masked: boolean) {
    this.receiver = new Receiver({ isServer: masked, maxPayload, skipUTF8Validation: true })
    this.receiver.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.hear(data)
      else this.rest.push(`text ${String(data)}`)
    })
    for (const kind of ['ping', 'pong'] as const)
      this.receiver.on(kind, (data: Buffer) => this.rest.push(`${kind} ${data.toString('hex')} at ${this.data.length}`))
    this.receiver.on('conclude', (code: number) => this.rest.push(`close ${code} at ${this.data.length}`))
    this.receiver.on('error', (error: Error) => this.rest.push(`error ${error.message} at ${this.data.length}`))
  }

  hear(bytes: Uint8Array): void {
    this.data = Buffer.concat([this.data, bytes])
  }

  get failed(): boolean {
    return this.rest.some((each) => /^(error|close)/.test(each))
  }
}

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 130 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65_000, max: 66_000 }) },
)
const payload = size.map((length) => Uint8Array.from({ length }, (_, i) => i * 13 + length))
const plain = fc.record({ opcode: fc.constant(2), fin: fc.constant(true), rsv: fc.constant(0), payload })
const small = payload.map((bytes) => bytes.subarray(0, 100))
const ping = fc.record({
  opcode: fc.constantFrom(9, 10),
  fin: fc.constant(true),
  rsv: fc.constant(0),
  payload: small,
})
const parts = fc
  .array(payload, { minLength: 2, maxLength: 4 })
  .map((list) =>
    list.map((bytes, i) => ({ opcode: i === 0 ? 2 : 0, fin: i === list.length - 1, rsv: 0, payload: bytes })),
  )
const odd = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 3, 8, 9, 11),
  fin: fc.boolean(),
  rsv: fc.constantFrom(0, 0, 4),
  payload: small,
})
const orderly = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: plain.map((each) => [each]) },
    { weight: 2, arbitrary: ping.map((each) => [each]) },
    { weight: 1, arbitrary: parts },
  ),
  { maxLength: 30 },
)
const cuts = fc.array(fc.nat(), { maxLength: 40 })

function chunksOf(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = Array.from(new Set([0, ...places.map((p) => p % (bytes.length + 1)), bytes.length])).sort(
    (a, b) => a - b,
  )
  return sorted.slice(1).map((end, i) => Buffer.from(bytes.subarray(sorted[i], end)))
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function both(
  frames: readonly Omit<Spec, 'masked'>[],
  places: readonly number[],
  masked: boolean,
): Promise<[Ears, Ears]> {
  const bytes = Buffer.concat(frames.map((each) => frameOf({ ...each, masked })))
  const [reference, ours] = [new Ears(masked), new Ears(masked)]
  const reader = new FrameReader(
    { masked, maxPayload },
    { deliver: (data) => ours.hear(data), pass: (frame) => void ours.receiver.write(frame) },
  )
  for (const chunk of chunksOf(bytes, places)) {
    if (!reference.failed) reference.receiver.write(Buffer.from(chunk))
    if (!ours.failed) reader.read(chunk)
    await turn()
  }
  return [reference, ours]
}

describe.each([true, false])('frames, masked: %s', (masked) => {
  it('that keep the rules bring what they bring through `ws`, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(orderly, cuts, async (groups, places) => {
        const [reference, ours] = await both(groups.flat(), places, masked)
        expect(Buffer.compare(ours.data, reference.data)).toBe(0)
        // A control frame between the parts of a message may be heard when less of the data has been.
        const words = ({ rest }: Ears): string[] => rest.map((each) => each.replace(/ at .*/, ''))
        expect(words(ours)).toEqual(words(reference))
      }),
      { numRuns: 200 },
    )
  })

  it('that break the rules end as they do through `ws`, with all that came before them and nothing that came behind', async () => {
    await fc.assert(
      fc.asyncProperty(orderly, odd, orderly, cuts, async (before, middle, after, places) => {
        const [reference, ours] = await both([...before.flat(), middle, ...after.flat()], places, masked)
        expect(ours.rest).toEqual(reference.rest)
        if (!reference.failed) expect(Buffer.compare(ours.data, reference.data)).toBe(0)
        // Of the frame that did not become whole we may have brought the beginning.
        else expect(Buffer.compare(ours.data.subarray(0, reference.data.length), reference.data)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('of the wrong masking, or too long, are not taken', async () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const wrong = frameOf({ opcode: 2, fin: true, rsv: 0, masked: !masked, payload: bytes })
    const long = frameOf({ opcode: 2, fin: true, rsv: 0, masked, payload: new Uint8Array(maxPayload + 1) })
    for (const frame of [wrong, long]) {
      const ears = new Ears(masked)
      const reader = new FrameReader(
        { masked, maxPayload },
        { deliver: (data) => ears.hear(data), pass: (part) => void ears.receiver.write(part) },
      )
      reader.read(frame)
      await turn()
      expect(ears.data.length).toBe(0)
      expect(ears.rest).toEqual([expect.stringMatching(/^error /)])
    }
  })
})

it('many frames of one chunk are one array', () => {
  const one = { opcode: 2, fin: true, rsv: 0, masked: true }
  const payloads = Array.from({ length: 500 }, (_, i) => Uint8Array.from({ length: 1 + (i % 90) }, () => i))
  const heard: Uint8Array[] = []
  const reader = new FrameReader(
    { masked: true, maxPayload },
    { deliver: (bytes) => heard.push(bytes), pass: () => expect.unreachable() },
  )
  reader.read(Buffer.concat(payloads.map((each) => frameOf({ ...one, payload: each }))))
  expect(heard.length).toBe(1)
  expect(Buffer.compare(heard[0]!, Buffer.concat(payloads))).toBe(0)
})
