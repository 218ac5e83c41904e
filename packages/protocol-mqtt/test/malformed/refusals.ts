import { expect } from 'vitest'
import { type Packet, packetName, PacketType, type ProtocolVersion } from '../../src/codec/packet.ts'
import { type Bench, bench, type BenchOptions, type TestClient, text } from '../harness.ts'

/** What a client sees of bytes it sent: what it is answered, then whether it is still connected. */
export type Outcome = string

/** A broker, somebody it serves well, and clients whose bytes are tried out on it. */
export interface Trial {
  readonly bench: Bench
  /** Sends bytes as the first of a connection. The answer is read as one of this version. */
  greet(version: ProtocolVersion, bytes: Uint8Array): Promise<Outcome>
  /** Sends bytes over a connection that is let in. */
  say(version: ProtocolVersion, bytes: Uint8Array): Promise<Outcome>
  /** Throws when the bystander has been disturbed, or anything of the others is left. */
  done(): Promise<void>
}

/** Starts a trial. */
export async function trial(options: BenchOptions = {}): Promise<Trial> {
  const b = await bench(options)
  const bystander = await b.connect({ clientId: 'bystander' })
  await bystander.subscribe('bystander')
  const answered = async (client: TestClient, bytes: Uint8Array): Promise<Outcome> => {
    client.chunks.length = 0
    await client.rawBytes(Uint8Array.from(bytes))
    const outcome = outcomeOf(client)
    await client.hangUp()
    return outcome
  }
  return {
    bench: b,
    greet: (version, bytes) => answered(b.dial(version), bytes),
    async say(version, bytes) {
      const client = await b.connect({ version, clientId: 'c', keepAlive: 10 })
      return answered(client, bytes)
    },
    async done() {
      await bystander.publish('bystander', 'well')
      expect(text(bystander.expect(PacketType.Publish))).toBe('well')
      bystander.expectNothing()
      // What is saved lazily waits a second; nothing of a connection that is over waits longer.
      await b.host.advance(1000)
      expect([bystander.closed, b.broker.sessions.size, b.host.clock.pending]).toEqual([false, 1, 0])
    },
  }
}

function outcomeOf(client: TestClient): Outcome {
  const said = client.received.splice(0).map(words)
  // Throws when something else was sent that is no packet.
  client.expectNothing()
  return [...said, client.closed ? 'end' : 'open'].join(' ')
}

function words(packet: Packet): string {
  if (packet.type === PacketType.Connack || packet.type === PacketType.Disconnect)
    return `${packetName(packet.type)} 0x${packet.reasonCode.toString(16).padStart(2, '0')}`
  if (packet.type === PacketType.Suback || packet.type === PacketType.Unsuback)
    return `${packetName(packet.type)} ${packet.reasonCodes.map((code) => `0x${code.toString(16).padStart(2, '0')}`).join(' ')}`.trim()
  return packetName(packet.type)
}

/** The outcome of a fault of a client that was let in: 5.0 is told why [MQTT-4.13.1-1], 3.x is told nothing [MQTT-4.8.0-1 of 3.1.1]. */
export function fault(version: ProtocolVersion, reason: number): Outcome {
  return version === 5 ? `DISCONNECT 0x${reason.toString(16)} end` : 'end'
}

/** The outcome of a CONNECT that is no CONNECT: 5.0 is told why, 3.x is not [MQTT-3.1.4-1 of 3.1.1]. */
export function refusal(version: ProtocolVersion, reason: number): Outcome {
  return version === 5 ? `CONNACK 0x${reason.toString(16)} end` : 'end'
}
