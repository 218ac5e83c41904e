import { type Packet, PacketType } from './codec/packet.ts'

/**
 * What went over the connections of one `mqtt(…)`: plain numbers, totals since it was made unless said. Read them, never
 * write them.
 */
export interface MqttCounters {
  bytesReceived: number
  /** Given to connections, whether or not they have left the process. */
  bytesSent: number
  /** Packets received, by their type: index 1 is CONNECT, 15 AUTH. Those that could not be decoded are not counted. */
  readonly packetsReceived: Float64Array
  /** Packets sent, by their type. */
  readonly packetsSent: Float64Array
  /** Payload bytes of the PUBLISH packets received. */
  publishBytesReceived: number
  /** Payload bytes of the PUBLISH packets sent. */
  publishBytesSent: number
  /** Connections accepted, whether or not a client came in over them. */
  connections: number
  /** What is still to leave over each connection that is open now. */
  readonly open: Set<Unsent>
}

/** What was written to one connection and has not left this process. */
export interface Unsent {
  /** Bytes. */
  readonly unsent: number
  /** Packets: those written since the connection last had room. */
  readonly unsentPackets: number
}

/** Counts a packet that came in. */
export function countReceived(counters: MqttCounters, packet: Packet): void {
  counters.packetsReceived[packet.type]!++
  if (packet.type === PacketType.Publish) counters.publishBytesReceived += packet.end - packet.payloadStart
}

/** All numbers at zero, no connection open. */
export function zeroMqttCounters(): MqttCounters {
  return {
    bytesReceived: 0,
    bytesSent: 0,
    packetsReceived: new Float64Array(16),
    packetsSent: new Float64Array(16),
    publishBytesReceived: 0,
    publishBytesSent: 0,
    connections: 0,
    open: new Set(),
  }
}
