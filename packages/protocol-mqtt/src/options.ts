import type { Authenticator, Qos } from '@isomq/kernel'
import type { AutoSubscription } from './auto-subscribe.ts'
import type { RewriteRule } from './rewrite.ts'

/** What an MQTT listener allows. Sizes are bytes and times milliseconds unless said. */
export interface MqttOptions {
  /** Largest packet accepted once a client is in; announced to MQTT 5.0 clients. */
  readonly maxPacketSize: number
  /** Largest CONNECT accepted. */
  readonly connectPacketSize: number
  /** Messages of QoS 1 and 2 a client is told it may have unacknowledged; QoS 2 beyond that is refused. */
  readonly receiveMaximum: number
  /** Topic aliases a client may use towards the broker, and the most the broker uses towards a client; announced. */
  readonly topicAliasMaximum: number
  /** Time from the acceptance of a connection to the guard's answer to its CONNECT, an exchange of AUTH packets included. */
  readonly connectTimeout: number
  /** Longest keep alive a client may ask for, seconds; 0 for any. */
  readonly maxKeepAlive: number
  /** Longest client identifier, UTF-8 bytes; 23 must be allowed [MQTT-3.1.3-5]. */
  readonly clientIdLength: number
  /** Highest QoS a client may publish with; announced when it is below 2. Subscriptions are granted no more either. */
  readonly maximumQos: Qos
  /** Whether messages may be retained. */
  readonly retainAvailable: boolean
  /** Whether `$share` and `$queue` subscriptions are served. */
  readonly sharedSubscriptions: boolean
  /** Whether messages may be published later, by topics such as `$delayed/60/topic`. */
  readonly delayedPublish: boolean
  /** How topics and filters are replaced; the first rule that matches wins. */
  readonly rewrite: readonly RewriteRule[]
  /** Whether `$exclusive` subscriptions are served. */
  readonly exclusiveSubscriptions: boolean
  /** What every client is subscribed to when it connects, as far as the guard allows. */
  readonly autoSubscribe?: readonly AutoSubscription[] | undefined
  /** What becomes of a client that publishes more than `publishRate` or `publishByteRate`: it is read more slowly, or disconnected with 0x96. */
  readonly overRate: 'pause' | 'disconnect'
  /** Whether clients are told a prefix for response topics below which they alone may subscribe. */
  readonly responseInformation: boolean
  /** Methods of enhanced authentication that MQTT 5.0 clients may ask for. Those that ask for none are not affected. */
  readonly authenticators?: readonly Authenticator[] | undefined
  /** With more than this unsent to one client, those who publish to it are slowed down. */
  readonly unsentPause: number
  /** With more than this unsent to one client, QoS 0 messages to it are dropped. */
  readonly unsentLimit: number
  /** A client that takes none of its bytes for so long is cut off. */
  readonly stallTimeout: number
}

/** What applies where nothing else is configured. */
export const defaultMqttOptions: MqttOptions = {
  maxPacketSize: 1024 * 1024,
  connectPacketSize: 64 * 1024,
  receiveMaximum: 100,
  topicAliasMaximum: 16,
  connectTimeout: 10_000,
  maxKeepAlive: 0,
  clientIdLength: 65_535,
  maximumQos: 2,
  retainAvailable: true,
  sharedSubscriptions: true,
  delayedPublish: true,
  rewrite: [],
  exclusiveSubscriptions: true,
  overRate: 'pause',
  responseInformation: true,
  unsentPause: 512 * 1024,
  unsentLimit: 1024 * 1024,
  stallTimeout: 30_000,
}
