import type { IPublishPacket } from 'mqtt-packet'
import { UserError } from '../user-error.ts'
import { payloadOf, type Arrived } from './arrived.ts'
import { messageJson } from './message-json.ts'
import { prettyJson } from './pretty-json.ts'
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

/** Letters of numbers: zeroes may fill their width, even where there is no number. */
const numbers: ReadonlySet<string> = new Set(['A', 'E', 'F', 'l', 'm', 'S'])

const plain: ReadonlyMap<string, Piece> = new Map<string, Piece>([
  ['%', () => '%'],
  ['D', ({ message }) => message.properties?.correlationData ?? ''],
  ['P', ({ message }) => userProperties(message)],
  ['q', ({ message }) => String(message.qos)],
  ['r', ({ message }) => (message.retain ? '1' : '0')],
  ['U', ({ time }) => formatTime('s', time) + '.' + formatTime('N', time)],
])

const token =
  /%(?<flags>[-0]*)(?<width>\d*)(?:\.(?<most>\d+))?(?<letter>.)|@(?<time>.)|\\(?<escape>.)|(?<stray>[%@\\])|[^%@\\]+/gsu

/** Turns a format of `-F` into a function; `pretty` spreads JSON over lines. Throws a UserError that names what it does not know. */
export function compileFormat(format: string, pretty: boolean = false): (arrived: Arrived) => Buffer {
  const layout = pretty ? prettyJson : (text: string): string => text
  const letters: ReadonlyMap<string, Piece> = new Map<string, Piece>([
    ...plain,
    ['J', (arrived) => layout(messageJson(arrived, 'json'))],
    ['j', (arrived) => layout(messageJson(arrived, 'text'))],
  ])
  const pieces = [...format.matchAll(token)].map((match) => pieceOf(match[0], match.groups ?? {}, letters))
  return (arrived) => Buffer.concat(pieces.map((piece) => toBuffer(piece(arrived))))
}

function toBuffer(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value
}

type Groups = { readonly [name: string]: string | undefined }

function pieceOf(text: string, groups: Groups, letters: ReadonlyMap<string, Piece>): Piece {
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
  return text.length === 2 ? (letters.get(letter) ?? unknown()) : unknown()
}

function constant(text: string): Piece {
  return () => text
}

/** As printf does: the width is the least there is, `.` before the most of a text. Payloads are measured in bytes. */
function fit(value: ReturnType<Read>, groups: Groups): string | Buffer {
  const { flags = '', width = '', most = Infinity, letter = '' } = groups
  const zeroes = flags.includes('0') && (numbers.has(letter) || letter === 'p')
  const fill = zeroes ? '0' : ' '
  if (Buffer.isBuffer(value)) {
    const kept = value.subarray(0, Number(most))
    const gap = (by: string): Buffer => Buffer.alloc(Math.max(0, Number(width) - kept.length), by)
    return Buffer.concat(flags.includes('-') ? [kept, gap(' ')] : [gap(fill), kept])
  }
  const text = String(value ?? '').slice(0, Number(most))
  return flags.includes('-') ? text.padEnd(Number(width)) : text.padStart(Number(width), fill)
}

function userProperties(message: IPublishPacket): string {
  const pairs = Object.entries(message.properties?.userProperties ?? {})
  return pairs.flatMap(([name, values]) => [values].flat().map((value) => `${name}:${value}`)).join(' ')
}
