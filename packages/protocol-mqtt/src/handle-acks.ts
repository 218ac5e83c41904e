import { type Ack, PacketType } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import type { Link } from './link.ts'

const failure = 0x80

/** PUBACK: the end of a QoS 1 delivery [MQTT-4.3.2-3]. One for nothing we sent is ignored. */
export function handlePuback(link: Link, ack: Ack): void {
  // [MQTT-4.4.0-2] [MQTT-4.8.2-6]: a failure ends it too.
  if (ack.reasonCode >= failure) link.session.outbound.reject(ack.packetId)
  else link.session.outbound.ack(ack.packetId)
}

/** PUBREC: the client has a QoS 2 delivery [MQTT-4.3.3-3]; PUBREL follows once that is durable. */
export function handlePubrec(link: Link, ack: Ack): void {
  const { packetId } = ack
  const { session, replies } = link
  if (ack.reasonCode >= failure) {
    session.outbound.reject(packetId)
    return
  }
  const known = session.outbound.accept(packetId)
  const wait = known ? session.committing : undefined
  // The common case makes no closures.
  if (wait === undefined && replies.idle) return release(link, packetId, known)
  replies.push(
    wait,
    () => release(link, packetId, known),
    (error) => link.failWith(error.code, 'PUBREC could not be stored'),
  )
}

// [MQTT-4.3.3-4]
function release(link: Link, packetId: number, known: boolean): void {
  if (known || link.version < 5) link.acknowledge(PacketType.Pubrel, packetId)
  else link.send({ type: PacketType.Pubrel, packetId, reasonCode: ReasonCode.PacketIdentifierNotFound })
}

/** PUBREL: the client knows that we have its QoS 2 message; its packet identifier is free again [MQTT-4.3.3-11] [MQTT-4.3.3-12], expired or not [MQTT-4.3.3-13]. */
export function handlePubrel(link: Link, ack: Ack): void {
  const { packetId } = ack
  const { session, replies } = link
  const known = session.inbound.release(packetId)
  const wait = known ? session.committing : undefined
  if (wait === undefined && replies.idle) return complete(link, packetId, known)
  replies.push(
    wait,
    () => complete(link, packetId, known),
    (error) => link.failWith(error.code, 'PUBREL could not be stored'),
  )
}

function complete(link: Link, packetId: number, known: boolean): void {
  link.receiving.delete(packetId)
  // A session that was resumed may ask again for a PUBCOMP that was lost with its connection: no error (section 4.3.3).
  if (known || link.resumed || link.version < 5) link.acknowledge(PacketType.Pubcomp, packetId)
  else link.send({ type: PacketType.Pubcomp, packetId, reasonCode: ReasonCode.PacketIdentifierNotFound })
}

/** PUBCOMP: the end of a QoS 2 delivery. One for nothing we sent is ignored. */
export function handlePubcomp(link: Link, ack: Ack): void {
  link.session.outbound.complete(ack.packetId)
}
