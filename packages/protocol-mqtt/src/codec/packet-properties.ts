/** User properties in their order on the wire; names may repeat [MQTT-3.3.2-18]. */
export type UserProperties = readonly (readonly [name: string, value: string])[]

/** Properties of CONNECT (section 3.1.2.11). Intervals are seconds, sizes bytes. */
export interface ConnectProperties {
  readonly sessionExpiryInterval?: number | undefined
  readonly receiveMaximum?: number | undefined
  readonly maximumPacketSize?: number | undefined
  readonly topicAliasMaximum?: number | undefined
  readonly requestResponseInformation?: boolean | undefined
  readonly requestProblemInformation?: boolean | undefined
  readonly userProperties?: UserProperties | undefined
  readonly authenticationMethod?: string | undefined
  readonly authenticationData?: Uint8Array | undefined
}

/** Properties of a message, as a PUBLISH and a Will both carry them. `payloadFormatIndicator` true says the payload is UTF-8. */
export interface MessageProperties {
  readonly payloadFormatIndicator?: boolean | undefined
  /** Seconds. */
  readonly messageExpiryInterval?: number | undefined
  readonly contentType?: string | undefined
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
  readonly userProperties?: UserProperties | undefined
}

/** Will properties in the payload of CONNECT (section 3.1.3.2). */
export interface WillProperties extends MessageProperties {
  /** Seconds. */
  readonly willDelayInterval?: number | undefined
}

/** Properties of PUBLISH (section 3.3.2.3). Subscription identifiers only ever come from a server [MQTT-3.3.4-6]. */
export interface PublishProperties extends MessageProperties {
  readonly topicAlias?: number | undefined
  readonly subscriptionIdentifiers?: readonly number[] | undefined
}

/** Properties of CONNACK (section 3.2.2.3). */
export interface ConnackProperties {
  readonly sessionExpiryInterval?: number | undefined
  readonly receiveMaximum?: number | undefined
  readonly maximumQos?: 0 | 1 | undefined
  readonly retainAvailable?: boolean | undefined
  readonly maximumPacketSize?: number | undefined
  readonly assignedClientIdentifier?: string | undefined
  readonly topicAliasMaximum?: number | undefined
  readonly reasonString?: string | undefined
  readonly userProperties?: UserProperties | undefined
  readonly wildcardSubscriptionAvailable?: boolean | undefined
  readonly subscriptionIdentifiersAvailable?: boolean | undefined
  readonly sharedSubscriptionAvailable?: boolean | undefined
  /** Seconds. */
  readonly serverKeepAlive?: number | undefined
  readonly responseInformation?: string | undefined
  readonly serverReference?: string | undefined
  readonly authenticationMethod?: string | undefined
  readonly authenticationData?: Uint8Array | undefined
}

/** Properties of every packet that answers another: PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK. */
export interface AnswerProperties {
  readonly reasonString?: string | undefined
  readonly userProperties?: UserProperties | undefined
}

/** Properties of SUBSCRIBE (section 3.8.2.1). */
export interface SubscribeProperties {
  readonly subscriptionIdentifier?: number | undefined
  readonly userProperties?: UserProperties | undefined
}

/** Properties of UNSUBSCRIBE (section 3.10.2.1). */
export interface UnsubscribeProperties {
  readonly userProperties?: UserProperties | undefined
}

/** Properties of DISCONNECT (section 3.14.2.2). The expiry interval (seconds) only comes from a client [MQTT-3.14.2-2]. */
export interface DisconnectProperties extends AnswerProperties {
  readonly sessionExpiryInterval?: number | undefined
  readonly serverReference?: string | undefined
}

/** Properties of AUTH (section 3.15.2.2). */
export interface AuthProperties extends AnswerProperties {
  readonly authenticationMethod?: string | undefined
  readonly authenticationData?: Uint8Array | undefined
}
