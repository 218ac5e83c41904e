import { Decoder } from '../../src/codec/decoder.ts'
import { writeVarint } from '../../src/codec/frame-writer.ts'
import { MalformedPacket } from '../../src/codec/malformed-packet.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'
import { hex, join } from './frames.ts'

/**
 * Who reads what: S a server, C a client, then the version; `S` alone still waits for CONNECT.
 */
export type Reader = 'S' | 'S3' | 'S4' | 'S5' | 'C3' | 'C4' | 'C5'

/**
 * One rule: its name, the readers that keep it, the first byte, the body (the length between them is computed), and the
 * reason code. 'ok' means accepted, 'more' that bytes are missing.
 */
export type Row = readonly [rule: string, readers: string, first: string, body: string, outcome: number | 'ok' | 'more']

/** The decoder a reader is. */
export function readerFor(reader: Reader): Decoder {
  const version = reader.length === 1 ? undefined : (Number(reader[1]) as ProtocolVersion)
  return new Decoder({ role: reader.startsWith('S') ? 'server' : 'client', maxPacketSize: 4096, version })
}

/** The frame of a row. */
export function frameOf(first: string, body: string): Uint8Array {
  const content = hex(body)
  const length = new Uint8Array(4)
  return join(hex(first), length.subarray(0, writeVarint(length, 0, content.length)), content)
}

/** Bytes to put behind a frame in its chunk: a cursor that overruns the frame finds something to read there. */
export const followers: readonly Uint8Array[] = [0, 1, 0x61].map((byte) => new Uint8Array(64).fill(byte))

/** What becomes of these bytes: the reason code of the refusal, 'ok' for a packet, 'more' for none yet. */
export function outcomeOf(decoder: Decoder, bytes: Uint8Array): number | 'ok' | 'more' {
  decoder.push(bytes)
  try {
    return decoder.next() === undefined ? 'more' : 'ok'
  } catch (error) {
    if (error instanceof MalformedPacket) return error.reason
    throw error
  }
}
