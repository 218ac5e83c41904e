import { PacketType } from './packet.ts'

/** How the value of a property is written. `Flag` is a boolean byte, `Bit` a byte 0 or 1 kept as a number, `Topic` a topic name. */
export const PropertyKind = {
  Flag: 0,
  Bit: 1,
  Uint16: 2,
  Uint32: 3,
  Varint: 4,
  /** May occur many times; the value is the list. */
  Varints: 5,
  Text: 6,
  Topic: 7,
  Binary: 8,
  /** May occur many times; the value is the list of pairs. */
  Pairs: 9,
} as const

/** One property in one kind of packet. `positive`: zero is not allowed. */
export interface PropertyRule {
  readonly id: number
  readonly name: string
  readonly kind: (typeof PropertyKind)[keyof typeof PropertyKind]
  readonly positive: boolean
}

/** The scope of Will properties: a block of their own inside CONNECT. All other scopes are packet types. */
export const willScope = 0

const { Flag, Bit, Uint16, Uint32, Varint, Varints, Text, Topic, Binary, Pairs } = PropertyKind
const will = willScope
const connect = PacketType.Connect
const connack = PacketType.Connack
const publish = PacketType.Publish
const subscribe = PacketType.Subscribe
const disconnect = PacketType.Disconnect
const auth = PacketType.Auth
const answers = [
  PacketType.Puback,
  PacketType.Pubrec,
  PacketType.Pubrel,
  PacketType.Pubcomp,
  PacketType.Suback,
  PacketType.Unsuback,
]

/** The id of Topic Alias, whose zero has a reason code of its own. */
export const topicAliasId = 0x23

// Section 2.2.2.2. Topic Alias comes first so that an encoded PUBLISH has it in a place that is easily found.
const rows: readonly (readonly [
  id: number,
  name: string,
  kind: PropertyRule['kind'],
  scopes: readonly number[],
  positive?: true,
])[] = [
  [topicAliasId, 'topicAlias', Uint16, [publish], true],
  [0x01, 'payloadFormatIndicator', Flag, [publish, will]],
  [0x02, 'messageExpiryInterval', Uint32, [publish, will]],
  [0x03, 'contentType', Text, [publish, will]],
  [0x08, 'responseTopic', Topic, [publish, will]],
  [0x09, 'correlationData', Binary, [publish, will]],
  [0x0b, 'subscriptionIdentifiers', Varints, [publish], true],
  [0x0b, 'subscriptionIdentifier', Varint, [subscribe], true],
  [0x11, 'sessionExpiryInterval', Uint32, [connect, connack, disconnect]],
  [0x12, 'assignedClientIdentifier', Text, [connack]],
  [0x13, 'serverKeepAlive', Uint16, [connack]],
  [0x15, 'authenticationMethod', Text, [connect, connack, auth]],
  [0x16, 'authenticationData', Binary, [connect, connack, auth]],
  [0x17, 'requestProblemInformation', Flag, [connect]],
  [0x18, 'willDelayInterval', Uint32, [will]],
  [0x19, 'requestResponseInformation', Flag, [connect]],
  [0x1a, 'responseInformation', Text, [connack]],
  [0x1c, 'serverReference', Text, [connack, disconnect]],
  [0x1f, 'reasonString', Text, [connack, ...answers, disconnect, auth]],
  [0x21, 'receiveMaximum', Uint16, [connect, connack], true],
  [0x22, 'topicAliasMaximum', Uint16, [connect, connack]],
  [0x24, 'maximumQos', Bit, [connack]],
  [0x25, 'retainAvailable', Flag, [connack]],
  [
    0x26,
    'userProperties',
    Pairs,
    [will, connect, connack, publish, ...answers, subscribe, PacketType.Unsubscribe, disconnect, auth],
  ],
  [0x27, 'maximumPacketSize', Uint32, [connect, connack], true],
  [0x28, 'wildcardSubscriptionAvailable', Flag, [connack]],
  [0x29, 'subscriptionIdentifiersAvailable', Flag, [connack]],
  [0x2a, 'sharedSubscriptionAvailable', Flag, [connack]],
]

/** The properties a scope may have, in the order they are written. Index: packet type, or `willScope`. */
export const propertiesOf: readonly (readonly PropertyRule[])[] = Array.from({ length: 16 }, (_, scope) =>
  rows
    .filter((row) => row[3].includes(scope))
    .map(([id, name, kind, , positive]) => ({ id, name, kind, positive: positive === true })),
)

/** The rule for a property id in a scope: `propertyById[scope][id]`; undefined when it has no place there. */
export const propertyById: readonly (readonly (PropertyRule | undefined)[])[] = propertiesOf.map((rules) =>
  Array.from({ length: 0x2b }, (_, id) => rules.find((rule) => rule.id === id)),
)

/** Every property id there is. */
export const knownProperties: ReadonlySet<number> = new Set(rows.map((row) => row[0]))
