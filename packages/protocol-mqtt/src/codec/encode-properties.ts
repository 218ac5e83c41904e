import type { UserProperties } from './packet-properties.ts'
import { type FrameWriter, textLength, varintLength } from './frame-writer.ts'
import { PropertyKind, type PropertyRule, propertiesOf } from './property-table.ts'

/** Bytes the properties of a scope take, without the length before them. Throws RangeError for a string that cannot be sent. */
export function propertiesLength(properties: object | undefined, scope: number): number {
  if (properties === undefined) return 0
  const values = properties as Readonly<Record<string, unknown>>
  let length = 0
  for (const rule of propertiesOf[scope]!) {
    const value = values[rule.name]
    if (value !== undefined) length += valueLength(rule, value)
  }
  return length
}

/** Writes a property block of a scope, its length first. Throws RangeError for a value its property cannot have. */
export function writeProperties(writer: FrameWriter, properties: object | undefined, scope: number): void {
  writer.varint(propertiesLength(properties, scope)) // [MQTT-2.2.2-1]
  if (properties === undefined) return
  const values = properties as Readonly<Record<string, unknown>>
  for (const rule of propertiesOf[scope]!) {
    const value = values[rule.name]
    if (value !== undefined) writeValue(writer, rule, value)
  }
}

// The table says what type a value has; the interfaces in packet-properties.ts say it to the compiler.
function valueLength(rule: PropertyRule, value: unknown): number {
  switch (rule.kind) {
    case PropertyKind.Flag:
    case PropertyKind.Bit:
      return 2
    case PropertyKind.Uint16:
      return 3
    case PropertyKind.Uint32:
      return 5
    case PropertyKind.Varint:
      return 1 + varintLength(value as number)
    case PropertyKind.Varints:
      return (value as readonly number[]).reduce((sum, one) => sum + 1 + varintLength(one), 0)
    case PropertyKind.Text:
    case PropertyKind.Topic:
      return 3 + textLength(value as string)
    case PropertyKind.Binary:
      return 3 + (value as Uint8Array).length
    case PropertyKind.Pairs:
      return (value as UserProperties).reduce((sum, pair) => sum + 5 + textLength(pair[0]) + textLength(pair[1]), 0)
  }
}

function writeValue(writer: FrameWriter, rule: PropertyRule, value: unknown): void {
  const { id, kind } = rule
  if (kind === PropertyKind.Varints) {
    for (const one of value as readonly number[]) {
      writer.byte(id)
      writer.varint(positive(rule, one))
    }
    return
  }
  if (kind === PropertyKind.Pairs) {
    for (const [name, text] of value as UserProperties) {
      writer.byte(id)
      writer.text(name)
      writer.text(text)
    }
    return
  }
  writer.byte(id)
  if (kind === PropertyKind.Flag) writer.byte(value === true ? 1 : 0)
  else if (kind === PropertyKind.Bit) writer.byte(value === 1 ? 1 : 0)
  else if (kind === PropertyKind.Uint16) writer.uint16(positive(rule, value as number))
  else if (kind === PropertyKind.Uint32) writer.uint32(positive(rule, value as number))
  else if (kind === PropertyKind.Varint) writer.varint(positive(rule, value as number))
  else if (kind === PropertyKind.Binary) writer.binary(value as Uint8Array)
  else writer.text(kind === PropertyKind.Topic ? topicName(rule, value as string) : (value as string))
}

function positive(rule: PropertyRule, value: number): number {
  if (value === 0 && rule.positive) throw new RangeError(`${rule.name} is 0`)
  return value
}

function topicName(rule: PropertyRule, text: string): string {
  if (text === '') throw new RangeError(`${rule.name} is empty`)
  return text
}
