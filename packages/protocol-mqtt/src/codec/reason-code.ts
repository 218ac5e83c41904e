/** Every reason code of MQTT 5.0 (section 2.4) by name. Several names share a number: it means something else in another packet. */
export const ReasonCode = {
  Success: 0x00,
  NormalDisconnection: 0x00,
  GrantedQos0: 0x00,
  GrantedQos1: 0x01,
  GrantedQos2: 0x02,
  DisconnectWithWill: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdentifierNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdentifierInUse: 0x91,
  PacketIdentifierNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QosNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdentifiersNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const

/** A number that is a reason code of MQTT 5.0. */
export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode]

/** What a CONNACK may say in MQTT 5.0 [MQTT-3.2.2-8]. */
export const connackCodes: ReadonlySet<number> = new Set([
  0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
  0x9c, 0x9d, 0x9f,
])

/** What a CONNACK may say in MQTT 3.1 and 3.1.1: accepted, or one of five refusals. */
export const connackCodes3: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5])

/** What a PUBACK or PUBREC may say [MQTT-3.4.2-1] [MQTT-3.5.2-1]. */
export const publishAckCodes: ReadonlySet<number> = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])

/** What a PUBREL or PUBCOMP may say [MQTT-3.6.2-1] [MQTT-3.7.2-1]. */
export const releaseCodes: ReadonlySet<number> = new Set([0x00, 0x92])

/** What a SUBACK may say per filter in MQTT 5.0 [MQTT-3.9.3-2]. */
export const subackCodes: ReadonlySet<number> = new Set([
  0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2,
])

/** What a SUBACK may say per filter in MQTT 3.1.1 [MQTT-3.9.3-2]; 3.1 servers that refuse use 0x80 too. */
export const subackCodes3: ReadonlySet<number> = new Set([0x00, 0x01, 0x02, 0x80])

/** What an UNSUBACK may say per filter [MQTT-3.11.3-2]. */
export const unsubackCodes: ReadonlySet<number> = new Set([0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91])

/** What a DISCONNECT from a client may say: the codes whose "sent by" column names the client [MQTT-3.14.2-1]. */
export const clientDisconnectCodes: ReadonlySet<number> = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
])

/**
 * What a DISCONNECT from a server may say [MQTT-3.14.2-1]. Two codes beyond the table of section 3.14.2.1: 0x00, which
 * servers in the field send, and 0x8C, which section 2.4 lists for DISCONNECT.
 */
export const serverDisconnectCodes: ReadonlySet<number> = new Set([
  0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
  0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
])

/** What an AUTH from a client may say [MQTT-3.15.2-1]. */
export const clientAuthCodes: ReadonlySet<number> = new Set([0x18, 0x19])

/** What an AUTH from a server may say [MQTT-3.15.2-1]. */
export const serverAuthCodes: ReadonlySet<number> = new Set([0x00, 0x18])
