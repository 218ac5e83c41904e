import { BrokerError, encodeUtf8 } from '@isomq/kernel'
import { crc32 } from './crc32.ts'

/** Bytes behind every value: the CRC-32 of its name and itself. Not every engine checks what it reads. */
export const sealBytes = 4

/** Seals a value under a name, which need not be unique, in its own last bytes: they are left for that. */
export function seal(name: string, value: Uint8Array): void {
  viewOf(value).setUint32(value.length - sealBytes, sumOf(name, value))
}

/** The value that was sealed under this name; undefined when either is not what it was. */
export function unseal(name: string, sealed: unknown): Uint8Array | undefined {
  if (!(sealed instanceof Uint8Array) || sealed.length < sealBytes) return undefined
  const end = sealed.length - sealBytes
  return viewOf(sealed).getUint32(end) === sumOf(name, sealed) ? sealed.subarray(0, end) : undefined
}

function sumOf(name: string, value: Uint8Array): number {
  return crc32(value.subarray(0, value.length - sealBytes), crc32(encodeUtf8(name)))
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

/** Tells of what is damaged, once each: it is as if it were not there. */
export class Damage {
  readonly #tell: (error: BrokerError) => void
  readonly #told = new Set<string>()

  constructor(tell: (error: BrokerError) => void = () => {}) {
    this.#tell = tell
  }

  found(what: string): void {
    if (this.#told.has(what)) return
    this.#told.add(what)
    const text = `${what} passed over as damaged; damaged values so far: ${this.#told.size}`
    this.#tell(new BrokerError('storage-failed', text))
  }
}
