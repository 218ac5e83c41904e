import type { IPublishPacket } from 'mqtt-packet'
import { UserError } from '../user-error.ts'
import { payloadOf, type Arrived } from './arrived.ts'
import { messageJson } from './message-json.ts'
import { formatTime, isoTime } from './time-format.ts'

type Piece = (arrived: Arrived) => string | Buffer
type Read = (arrived: Arrived) => string | number | Buffer | undefined

const escapes: ReadonlyMap<string, string> = new Map(
  Object.entries({ '\\': '\\', 0: '\0', a: '\x07', e: '\x1b', n: '\n', r: '\r', t: '\t', v: '\v' }),
)

/** Parameters that take a width: `%10t`, `%-10t`, `%.5t`, `%05l`. */
const sized: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['A', ({ message }) => message.properties?.topicAlias],
  ['C', ({ message }) => message.properties?.contentType],
  ['E', ({ message }) => message.properties?.messageExpiryInterval],
  [
    'F',
    ({ message }) =>
      message.properties?.payloadFormatIndicator === undefined
        ? undefined
        : Number(message.properties.payloadFormatIndicator),
  ],
  ['I', ({ time }) => isoTime(time)],
  ['l', ({ message }) => message.payload.length],
  ['m', ({ message }) => message.messageId ?? 0],
  ['p', ({ message }) => payloadOf(message)],
  ['R', ({ message }) => message.properties?.responseTopic],
  ['S', ({ message }) => [message.properties?.subscriptionIdentifier ?? []].flat().join(' ')],
  ['t', ({ message }) => message.topic],
  ['X', ({ message }) => payloadOf(message).toString('hex').toUpperCase()],
  ['x', ({ message }) => payloadOf(message).toString('hex')],
])

const plain: ReadonlyMap<string, Piece> = new Map<string, Piece>([
  ['%', () => '%'],
  ['D', ({ message }) => message.properties?.correlationData ?? ''],
  ['J', (arrived) => messageJson(arrived, 'json')],
  ['j', (arrived) => messageJson(arrived, 'text')],
  ['P', ({ message }) => userProperties(message)],
  ['q', ({ message }) => String(message.qos)],
  ['r', ({ message }) => (message.retain ? '1' : '0')],
  ['U', ({ time }) => formatTime('s', time) + '.' + formatTime('N', time)],
])

const token =
  /%(?<flags>[-0]*)(?<width>\d*)(?:\.(?<most>\d+))?(?<letter>.)|@(?<time>.)|\\(?<escape>.)|(?<stray>[%@\\])|[^%@\\]+/gsu

/** Turns a format of `-F` into a function. Throws a UserError that names what it does not know. */
export function compileFormat(format: string): (arrived: Arrived) => Buffer {
  const pieces = [...format.matchAll(token)].map((match) => pieceOf(match[0], match.groups ?? {}))
  return (arrived) => Buffer.concat(pieces.map((piece) => toBuffer(piece(arrived))))
}

function toBuffer(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value
}

function pieceOf(text: string, groups: { readonly [name: string]: string | undefined }): Piece {
  const { letter, time, escape, stray } = groups as Partial<Record<'letter' | 'time' | 'escape' | 'stray', string>>
  const unknown = (): never => {
    throw new UserError(`-F: unknown sequence ${text}`)
  }
  if (stray !== undefined) return unknown()
  if (escape !== undefined) return constant(escapes.get(escape) ?? unknown())
  if (time !== undefined) {
    if (formatTime(time, 0) === undefined) return unknown()
    return (arrived) => formatTime(time, arrived.time) ?? ''
  }
  if (letter === undefined) return constant(text)
  const read = sized.get(letter)
  if (read !== undefined) return (arrived) => fit(read(arrived), groups)
  return text.length === 2 ? (plain.get(letter) ?? unknown()) : unknown()
}

function constant(text: string): Piece {
  return () => text
}

function fit(value: ReturnType<Read>, groups: { readonly [name: string]: string | undefined }): string | Buffer {
  const { flags = '', width = '', most } = groups as Partial<Record<'flags' | 'width' | 'most', string>>
  if (Buffer.isBuffer(value)) {
    const gap = Buffer.alloc(Math.max(0, Number(width) - value.length), ' ')
    return Buffer.concat(flags.includes('-') ? [value, gap] : [gap, value])
  }
  const full = String(value ?? '')
  const text = most === undefined ? full : full.slice(0, Number(most))
  if (flags.includes('-')) return text.padEnd(Number(width))
  return text.padStart(Number(width), flags.includes('0') && typeof value === 'number' ? '0' : ' ')
}

function userProperties(message: IPublishPacket): string {
  const pairs = Object.entries(message.properties?.userProperties ?? {})
  return pairs.flatMap(([name, values]) => [values].flat().map((value) => `${name}:${value}`)).join(' ')
}
