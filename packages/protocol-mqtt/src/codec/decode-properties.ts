import { type Frame, hasWildcard } from './frame.ts'
import { ReasonCode } from './reason-code.ts'
import { PropertyKind, type PropertyRule, knownProperties, propertyById, topicAliasId } from './property-table.ts'

/**
 * Reads a property block: its length, then the properties of `scope` (a packet type or `willScope`). Undefined when the
 * length is 0 [MQTT-2.2.2-1]. `Properties` must be the type of that scope; binary values are views of the frame.
 */
export function readProperties<Properties>(frame: Frame, scope: number): Properties | undefined {
  const length = frame.varint('property length')
  if (length === 0) return undefined
  const outer = frame.end
  const end = frame.at + length
  if (end > outer) throw frame.malformed('properties overrun the packet')
  frame.end = end
  const rules = propertyById[scope]!
  const found: Record<string, unknown> = {}
  while (frame.at < end) {
    const id = frame.bytes[frame.at++]!
    const rule = rules[id]
    // Section 2.2.2.2: an identifier that has no place in its packet makes it malformed.
    if (rule === undefined) throw frame.malformed(`${knownProperties.has(id) ? 'misplaced' : 'unknown'} property ${id}`)
    const value = readValue(frame, rule)
    const before = found[rule.name]
    if (rule.kind === PropertyKind.Pairs || rule.kind === PropertyKind.Varints) {
      if (before === undefined) found[rule.name] = [value]
      else (before as unknown[]).push(value)
    } else {
      // Said of each of them in its section: more than once is a Protocol Error.
      if (before !== undefined) throw frame.forbidden(`${rule.name} twice`)
      found[rule.name] = value
    }
  }
  frame.end = outer
  return found as Properties
}

function readValue(frame: Frame, rule: PropertyRule): unknown {
  const name = rule.name
  switch (rule.kind) {
    case PropertyKind.Flag:
      return readBit(frame, name) === 1
    case PropertyKind.Bit:
      return readBit(frame, name)
    case PropertyKind.Uint16:
      return positive(frame, rule, frame.uint16(name))
    case PropertyKind.Uint32:
      return positive(frame, rule, frame.uint32(name))
    case PropertyKind.Varint:
      return positive(frame, rule, frame.varint(name))
    case PropertyKind.Varints:
      // [MQTT-3.3.4-6]
      if (frame.fromClient) throw frame.forbidden('subscription identifier from a client')
      return positive(frame, rule, frame.varint(name))
    case PropertyKind.Text:
      return frame.text(name) // [MQTT-3.3.2-19]
    case PropertyKind.Topic:
      return readTopic(frame, name)
    case PropertyKind.Binary:
      return frame.binary(name)
    case PropertyKind.Pairs:
      return [frame.text(name), frame.text(name)] // [MQTT-1.5.7-1]
  }
}

function readBit(frame: Frame, name: string): number {
  const value = frame.byte(name)
  if (value > 1) throw frame.forbidden(`${name} is neither 0 nor 1`)
  return value
}

function positive(frame: Frame, rule: PropertyRule, value: number): number {
  if (value > 0 || !rule.positive) return value
  // [MQTT-3.3.2-8]
  if (rule.id === topicAliasId) throw frame.fault(ReasonCode.TopicAliasInvalid, `${rule.name} is 0`)
  throw frame.forbidden(`${rule.name} is 0`)
}

// A Response Topic is a topic name: without wildcards [MQTT-3.3.2-14], not empty [MQTT-4.7.3-1].
function readTopic(frame: Frame, name: string): string {
  const start = frame.at + 2
  const text = frame.text(name) // [MQTT-3.3.2-13]
  if (text === '') throw frame.forbidden(`${name} is empty`)
  if (hasWildcard(frame.bytes, start, frame.at)) throw frame.forbidden(`${name} has a wildcard`)
  return text
}
