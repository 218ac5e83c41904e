/** Delivery guarantee asked for: 0 at most once, 1 at least once, 2 exactly once. */
export type Qos = 0 | 1 | 2

/** One header. Names may repeat and their order is kept. */
export type Header = readonly [name: string, value: string]

/**
 * One application message, complete and protocol-neutral. What a protocol cannot express it carries as a header.
 * A message and its bytes are immutable from the moment it is published.
 */
export interface Message {
  /** Levels separated by `/`, no wildcards, at least one character. */
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  /** True: also becomes the retained message of its topic (or clears it when the payload is empty). */
  readonly retain: boolean
  /** Partition or compaction key, for protocols that have one. */
  readonly key?: string | undefined
  readonly headers?: readonly Header[] | undefined
  readonly contentType?: string | undefined
  readonly responseTopic?: string | undefined
  readonly correlationData?: Uint8Array | undefined
  /** True: the publisher declared the payload to be UTF-8 text. False: it declared unspecified bytes. Undefined: it declared nothing. */
  readonly utf8?: boolean | undefined
  /** Id of the session that published; empty for the broker itself. */
  readonly publisher: string
  /** When the broker accepted it, milliseconds since the epoch. */
  readonly timestamp: number
  /** When it may no longer be delivered, milliseconds since the epoch. */
  readonly expiresAt?: number | undefined
  /** When it is published, milliseconds since the epoch, a whole number; until then the broker keeps it (`Broker.delayed`). Undefined: at once. */
  readonly dueAt?: number | undefined
  /** Owed to the session of this id alone; such a record is not routed by topic. */
  readonly recipient?: string | undefined
  /** Bytes of the payload, where that is known without making a view of it. */
  readonly payloadLength?: number | undefined
  /**
   * Of a message that is a view of what a protocol has received: from now on its bytes lie where they may stay beyond the
   * turn they came in, without holding much else. Whoever keeps a message calls `kept`.
   */
  keep?(): void
}

/** Place of a record in its log: starts at 0, grows by one, is never reused. */
export type Offset = number

/** A message as a log keeps it. */
export interface StoredMessage {
  readonly offset: Offset
  readonly message: Message
}
