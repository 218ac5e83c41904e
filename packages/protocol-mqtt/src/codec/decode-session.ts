import { readProperties } from './decode-properties.ts'
import { type Frame } from './frame.ts'
import { type Auth, type Connack, type Disconnect, PacketType, type Pingreq, type Pingresp } from './packet.ts'
import type { AuthProperties, ConnackProperties, DisconnectProperties } from './packet-properties.ts'
import {
  clientAuthCodes,
  clientDisconnectCodes,
  connackCodes,
  connackCodes3,
  serverAuthCodes,
  serverDisconnectCodes,
} from './reason-code.ts'

const pingreq: Pingreq = { type: PacketType.Pingreq }
const pingresp: Pingresp = { type: PacketType.Pingresp }

/** Reads a CONNACK. */
export function decodeConnack(frame: Frame): Connack {
  const flags = frame.byte('acknowledge flags')
  if (flags > 1) throw frame.malformed('reserved acknowledge flags') // [MQTT-3.2.2-1]
  const sessionPresent = flags === 1
  const reasonCode = frame.byte('reason code')
  const legal = frame.version === 5 ? connackCodes : connackCodes3 // [MQTT-3.2.2-8]
  if (!legal.has(reasonCode)) throw frame.forbidden(`no such reason code ${reasonCode}`)
  // [MQTT-3.2.2-6] [MQTT-3.2.2-4 of 3.1.1]
  if (sessionPresent && reasonCode !== 0) throw frame.forbidden('session present in a refusal')
  const properties = frame.version === 5 ? readProperties<ConnackProperties>(frame, PacketType.Connack) : undefined
  frame.done()
  return { type: PacketType.Connack, sessionPresent, reasonCode, properties }
}

/** Reads a PINGREQ: nothing follows the fixed header. */
export function decodePingreq(frame: Frame): Pingreq {
  frame.done()
  return pingreq
}

/** Reads a PINGRESP: nothing follows the fixed header. */
export function decodePingresp(frame: Frame): Pingresp {
  frame.done()
  return pingresp
}

/** Reads a DISCONNECT. In MQTT 5.0 what is left out at its end counts as reason 0x00 and no properties (section 3.14.2). */
export function decodeDisconnect(frame: Frame): Disconnect {
  if (frame.version !== 5) frame.done()
  if (frame.at === frame.end) return { type: PacketType.Disconnect, reasonCode: 0, properties: undefined }
  const reasonCode = frame.byte('reason code')
  const legal = frame.fromClient ? clientDisconnectCodes : serverDisconnectCodes
  if (!legal.has(reasonCode)) throw frame.forbidden(`no such reason code ${reasonCode}`) // [MQTT-3.14.2-1]
  if (frame.at === frame.end) return { type: PacketType.Disconnect, reasonCode, properties: undefined }
  const properties = readProperties<DisconnectProperties>(frame, PacketType.Disconnect)
  // [MQTT-3.14.2-2]
  if (!frame.fromClient && properties?.sessionExpiryInterval !== undefined)
    throw frame.forbidden('session expiry interval from a server')
  frame.done()
  return { type: PacketType.Disconnect, reasonCode, properties }
}

/** Reads an AUTH. Without a body it says success, which only a server says; with one it names its method (section 3.15.2.2.2). */
export function decodeAuth(frame: Frame): Auth {
  const whole = frame.at !== frame.end
  const reasonCode = whole ? frame.byte('reason code') : 0
  const legal = frame.fromClient ? clientAuthCodes : serverAuthCodes
  if (!legal.has(reasonCode)) throw frame.forbidden(`no such reason code ${reasonCode}`) // [MQTT-3.15.2-1]
  if (!whole) return { type: PacketType.Auth, reasonCode, properties: undefined }
  const properties = readProperties<AuthProperties>(frame, PacketType.Auth)
  if (properties?.authenticationMethod === undefined) throw frame.forbidden('no authentication method')
  frame.done()
  return { type: PacketType.Auth, reasonCode, properties }
}
