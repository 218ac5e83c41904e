import type { Qos } from '@isomq/kernel'
import { readProperties } from './decode-properties.ts'
import { type Frame } from './frame.ts'
import {
  type FilterRequest,
  PacketType,
  type Suback,
  type Subscribe,
  type Unsuback,
  type Unsubscribe,
} from './packet.ts'
import type { AnswerProperties, SubscribeProperties, UnsubscribeProperties } from './packet-properties.ts'
import { subackCodes, subackCodes3, unsubackCodes } from './reason-code.ts'

/** Reads a SUBSCRIBE. Filters are text and not empty; whether they are good filters is not judged here. */
export function decodeSubscribe(frame: Frame): Subscribe {
  const packetId = frame.packetId()
  const properties = frame.version === 5 ? readProperties<SubscribeProperties>(frame, PacketType.Subscribe) : undefined
  const filters: FilterRequest[] = []
  while (frame.at < frame.end) filters.push(readRequest(frame))
  if (filters.length === 0) throw frame.forbidden('no filter') // [MQTT-3.8.3-2] [MQTT-3.8.3-3 of 3.1.1]
  return { type: PacketType.Subscribe, packetId, filters, properties }
}

/** Reads an UNSUBSCRIBE, whose filters are as little judged. */
export function decodeUnsubscribe(frame: Frame): Unsubscribe {
  const packetId = frame.packetId()
  const properties =
    frame.version === 5 ? readProperties<UnsubscribeProperties>(frame, PacketType.Unsubscribe) : undefined
  const filters: string[] = []
  while (frame.at < frame.end) filters.push(readFilter(frame)) // [MQTT-3.10.3-1]
  if (filters.length === 0) throw frame.forbidden('no filter') // [MQTT-3.10.3-2]
  return { type: PacketType.Unsubscribe, packetId, filters, properties }
}

/** Reads a SUBACK. */
export function decodeSuback(frame: Frame): Suback {
  const packetId = frame.packetId()
  const properties = frame.version === 5 ? readProperties<AnswerProperties>(frame, PacketType.Suback) : undefined
  const reasonCodes = readCodes(frame, frame.version === 5 ? subackCodes : subackCodes3) // [MQTT-3.9.3-2]
  return { type: PacketType.Suback, packetId, reasonCodes, properties }
}

/** Reads an UNSUBACK, which has no codes before MQTT 5.0. */
export function decodeUnsuback(frame: Frame): Unsuback {
  const packetId = frame.packetId()
  if (frame.version !== 5) {
    frame.done()
    return { type: PacketType.Unsuback, packetId, reasonCodes: [], properties: undefined }
  }
  const properties = readProperties<AnswerProperties>(frame, PacketType.Unsuback)
  const reasonCodes = readCodes(frame, unsubackCodes) // [MQTT-3.11.3-2]
  return { type: PacketType.Unsuback, packetId, reasonCodes, properties }
}

// [MQTT-3.8.3-1]
function readFilter(frame: Frame): string {
  const filter = frame.text('filter')
  if (filter === '') throw frame.malformed('filter is empty') // [MQTT-4.7.3-1]
  return filter
}

function readRequest(frame: Frame): FilterRequest {
  const filter = readFilter(frame)
  const options = frame.byte('subscription options')
  const qos = options & 3
  if (frame.version !== 5) {
    // [MQTT-3.8.3-4 of 3.1.1]: whatever is not 0, 1 or 2 is malformed.
    if (options > 2) throw frame.malformed(qos === 3 ? 'QoS 3' : 'reserved bits beside the QoS')
    return { filter, qos: qos as Qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }
  }
  if ((options & 0xc0) !== 0) throw frame.malformed('reserved subscription options') // [MQTT-3.8.3-5]
  const retainHandling = (options >> 4) & 3
  if (qos === 3) throw frame.forbidden('QoS 3') // section 3.8.3.1
  if (retainHandling === 3) throw frame.forbidden('retain handling 3') // section 3.8.3.1
  const noLocal = (options & 4) !== 0
  // [MQTT-3.8.3-4]
  if (noLocal && filter.startsWith('$share/')) throw frame.forbidden('No Local on a shared subscription')
  return {
    filter,
    qos: qos as Qos,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

function readCodes(frame: Frame, legal: ReadonlySet<number>): number[] {
  const codes: number[] = []
  while (frame.at < frame.end) {
    const code = frame.byte('reason code')
    if (!legal.has(code)) throw frame.forbidden(`no such reason code ${code}`)
    codes.push(code)
  }
  if (codes.length === 0) throw frame.malformed('no reason code')
  return codes
}
