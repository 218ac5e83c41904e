import type { ProtocolVersion } from './packet.ts'

/**
 * The peer broke the protocol: its bytes are no packet, or a packet it must not send [MQTT-4.13.1-1].
 * `reason` is the MQTT 5.0 reason code whatever the version. `version` is what CONNECT has said so far; a CONNACK or
 * DISCONNECT with the reason may be sent when it is 5.
 */
export class MalformedPacket extends Error {
  override readonly name: string = 'MalformedPacket'
  readonly reason: number
  readonly version: ProtocolVersion | undefined

  constructor(reason: number, message: string, version: ProtocolVersion | undefined) {
    super(message)
    this.reason = reason
    this.version = version
  }
}
