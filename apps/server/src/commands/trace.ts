import type { Packet } from 'mqtt-packet'
import { escapeText } from '../escape-text.ts'

/** Writes a line to stderr for each packet: what it is, never what is secret in it. */
export function tracer(clientId: string): (direction: 'sent' | 'received', packet: Packet) => void {
  return (direction, packet) => {
    const parts = [`Client ${escapeText(clientId)} ${direction} ${packet.cmd.toUpperCase()}`]
    if (packet.messageId !== undefined) parts.push(`mid ${packet.messageId}`)
    if (packet.cmd === 'publish') {
      const { qos, retain, dup, topic, payload } = packet
      parts.push(`q${qos} r${Number(retain)} d${Number(dup)}`, escapeText(topic), `(${payload.length} bytes)`)
    }
    if (packet.cmd === 'subscribe')
      parts.push(...packet.subscriptions.map((each) => `${escapeText(each.topic)} (QoS ${each.qos})`))
    if ('reasonCode' in packet) parts.push(`code 0x${(packet.reasonCode ?? 0).toString(16).padStart(2, '0')}`)
    process.stderr.write(`${parts.join(' ')}\n`)
  }
}
