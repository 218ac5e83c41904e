import { defaultFlapping, defaultHistory, defaultLimits, defaultSlowOptions, type Qos } from '@isomq/kernel'
import { defaultMqttOptions, defaultSysOptions } from '@isomq/protocol-mqtt'
import * as v from 'valibot'
import { algorithms } from '@isomq/auth-jwt'
import { accounts } from './accounts.ts'
import { bytes, choice, count, duration, flag, list, oneOf, text, texts } from './settings.ts'
import type { Config, ConfigInput } from './types.ts'

const tcp = (port: number) => ({
  host: v.optional(text('Address to listen on; one that other machines can reach needs `allowAnonymous`'), '127.0.0.1'),
  port: count('Port; 0 takes a free one and prints it', port, { max: 65535 }),
  proxyProtocol: v.optional(
    v.pipe(
      v.boolean('must be true or false'),
      v.description(
        'Connections begin with a PROXY protocol header (version 1 or 2) that names the client: for a listener that only a proxy can reach',
      ),
    ),
  ),
})
const ws = (port: number) => ({
  ...tcp(port),
  paths: v.optional(texts('URL paths that are answered'), ['/mqtt', '/']),
  origins: v.optional(
    texts('Web origins whose pages may connect, such as `https://example.com`; all may where it is not given'),
  ),
})
const tls = {
  cert: text('PEM file with the certificate chain'),
  key: text('PEM file with the private key'),
  ca: v.optional(text('PEM file with the authorities that sign client certificates')),
  requestCert: flag('Ask clients for a certificate, and refuse those without a valid one', false),
}

const alpn = v.optional(
  texts('Protocols named in the TLS handshake (ALPN), such as `mqtt`; a client that names others alone is refused'),
)
const origins = v.optional(
  texts('Web origins whose pages may connect by WebSocket, besides programs; without it those of this port'),
)

/** On with these keys, or off with `false`. */
function listener<E extends v.ObjectEntries>(entries: E, description: string, on: boolean) {
  const off = v.literal(false)
  const schema = v.strictObject(entries, 'must be false, or have keys such as host and port')
  const either = v.lazy((input): typeof off | typeof schema => (input === false ? off : schema))
  return v.optional(v.pipe(either, v.description(description)), (on ? {} : false) as false)
}

/** Keys that may all be left out. */
function section<E extends v.ObjectEntries>(entries: E) {
  return v.optional(v.strictObject(entries, 'must hold keys and values'), {} as never)
}

const kept = defaultHistory
const [k, m, f, slow, sys] = [defaultLimits, defaultMqttOptions, defaultFlapping, defaultSlowOptions, defaultSysOptions]
const limits = v.strictObject({
  topicLevels: count('Levels a topic or filter may have', k.topicLevels, { min: 1, max: 32768 }),
  topicLength: bytes('Bytes a topic or filter may have', k.topicLength, { min: 1, max: 65535 }),
  subscriptions: count('Subscriptions one session may hold', k.subscriptions),
  maxQueued: count('Messages that may wait for one session; beyond it the oldest is dropped', k.maxQueued),
  queuedBytes: bytes(
    'Bytes of waiting messages kept in memory for one session, each counted with 512 beside its payload; more wait in the log, or are dropped, oldest first, where the session is not kept',
    k.queuedBytes,
  ),
  inflight: count('Unacknowledged messages towards one client, whatever it allows', k.inflight, { min: 1, max: 65535 }),
  sessionExpiry: duration('Longest time a session may outlive its connection', k.sessionExpiry),
  sessions: count('Sessions, connected or not', k.sessions, { min: 1 }),
  retained: count('Retained messages', k.retained),
  retainedBytes: bytes('Payload bytes of all retained messages', k.retainedBytes),
  delayed: count('Messages kept to be published later', k.delayed),
  delayedBytes: bytes('Payload bytes of all messages kept to be published later', k.delayedBytes),
  logBytes: bytes('Payload bytes the log of waiting messages may hold; beyond it the oldest are dropped', k.logBytes),
  logAge: duration('Longest time a message may wait in that log; older ones are dropped', k.logAge, { min: 1000 }),
  bans: count('Bans kept', k.bans),
  connections: count('Connections over all listeners, logged in or not', k.connections, { min: 1 }),
  connectionsPerAddress: count(
    'Connections from one IP address; an IPv6 address counts as its /64',
    k.connectionsPerAddress,
    { min: 1 },
  ),
  connectRate: count('Logins a second', k.connectRate, { min: 1 }),
  publishRate: count('Messages a second one client may publish', k.publishRate, { min: 1 }),
  publishByteRate: bytes('Bytes a second one client may publish', k.publishByteRate, { min: 1 }),
  memory: bytes(
    'Bytes of the JavaScript heap and of what it holds from which nobody new is let in and QoS 0 is dropped, until there are 10 % less; unlimited is 85 % of what the heap may have',
    k.memory,
    { min: 16 * 1024 * 1024 },
  ),
  maxPacketSize: bytes('Largest MQTT packet', m.maxPacketSize, { min: 128, max: 268_435_460 }),
  connectPacketSize: bytes('Largest CONNECT packet', m.connectPacketSize, { min: 128, max: 268_435_460 }),
  receiveMaximum: count('QoS 1 and 2 messages a client may have unacknowledged', m.receiveMaximum, {
    min: 1,
    max: 65535,
  }),
  topicAliasMaximum: count('Topic aliases a client may use', m.topicAliasMaximum, { max: 65535 }),
  connectTimeout: duration('Time from the first contact to a complete CONNECT', m.connectTimeout, {
    min: 1,
    max: 3_600_000,
  }),
  maxKeepAlive: duration('Longest keep alive; 0 is whatever the client asks', m.maxKeepAlive * 1000, {
    max: 65_535_000,
  }),
  clientIdLength: count('Bytes a client id may have', m.clientIdLength, { min: 23, max: 65535 }),
  maximumQos: count<Qos>('Highest QoS a client may publish with or is granted', m.maximumQos, { max: 2 }),
  retainAvailable: flag('Whether messages may be retained', m.retainAvailable),
  sharedSubscriptions: flag('Whether `$share/…` and `$queue/…` subscriptions are allowed', m.sharedSubscriptions),
  exclusiveSubscriptions: flag('Whether `$exclusive/…` subscriptions are allowed', m.exclusiveSubscriptions),
  delayedPublish: flag('Whether messages may be published later, by `$delayed/…` topics', m.delayedPublish),
  overRate: choice(
    'What happens to a client that publishes more: it is read more slowly, or disconnected',
    m.overRate,
    ['pause', 'disconnect'],
  ),
  responseInformation: flag(
    'Whether clients are told a prefix `$response/…` for response topics, below which they alone may subscribe',
    m.responseInformation,
  ),
  unsentPause: bytes('Bytes unsent to one client from which its publishers are slowed down', m.unsentPause, {
    min: 1,
    max: 2 ** 40,
  }),
  unsentLimit: bytes('Bytes unsent to one client above which QoS 0 messages to it are dropped', m.unsentLimit, {
    min: 1,
    max: 2 ** 40,
  }),
  stallTimeout: duration('Time without progress after which a client that does not read is cut off', m.stallTimeout, {
    min: 1,
  }),
} satisfies Record<keyof Config['limits'], v.GenericSchema>)

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** The one description of every key: its type, default and meaning. Rejects unknown keys. */
export const configSchema: v.GenericSchema<ConfigInput, Config> = v.strictObject({
  listeners: v.optional(
    v.strictObject({
      mqtt: listener(tcp(1883), 'MQTT over TCP; false turns it off', true),
      ws: listener(ws(8083), 'MQTT over WebSocket; false turns it off', true),
      mqtts: listener({ ...tcp(8883), ...tls, alpn }, 'MQTT over TLS; off unless `cert` and `key` are given', false),
      wss: listener(
        { ...ws(8084), ...tls },
        'MQTT over WebSocket and TLS; off unless `cert` and `key` are given',
        false,
      ),
      http: listener(
        { ...tcp(18083), origins },
        'HTTP, for all that browsers need on one port: `sites`, and MQTT over WebSocket at `/mqtt`; off unless it is given',
        false,
      ),
      https: listener(
        { ...tcp(18084), origins, ...tls },
        'The same over TLS; off unless `cert` and `key` are given',
        false,
      ),
    }),
    {},
  ),
  sites: v.optional(
    list('Folders served by `listeners.http` and `listeners.https`: a list of `{ path, directory }`', {
      path: text(''),
      directory: text(''),
    }),
    [],
  ),
  allowAnonymous: flag('Listen on addresses that other machines can reach although nobody has to log in', false),
  authentication: section({
    passwordFile: v.optional(
      text('File of user names and passwords, as `isomq passwd` and `mosquitto_passwd` write it; read anew on SIGHUP'),
    ),
    certificate: choice(
      'Name of the user in a client certificate that was verified (`requestCert`): common name, or first alternative name',
      'off',
      ['off', 'cn', 'san'],
    ),
    admins: v.optional(texts('Users who may read `$SYS`', 0), []),
    jwt: section({
      secretFile: v.optional(
        text('File with the secret, of at least 32 bytes, by which tokens (passwords that are JWTs) are signed'),
      ),
      publicKeyFile: v.optional(text('File with the public key (PEM, or one JWK) by which they are signed')),
      jwks: v.optional(text('URL at which public keys are published')),
      algorithms: v.optional(
        v.pipe(
          v.array(oneOf(algorithms), 'must be a list'),
          v.minLength(1, 'must have at least one'),
          v.readonly(),
          v.metadata({ kind: 'list' }),
          v.description('Algorithms that are taken, and no others'),
        ),
        ['RS256', 'ES256', 'EdDSA'],
      ),
      issuer: v.optional(text('What `iss` must be')),
      audience: v.optional(text('What `aud` must be, or have')),
      clockTolerance: duration('By how much clocks may differ', 5000, { max: 300_000 }),
      usernameClaim: v.optional(text('Claim with the name of the user'), 'sub'),
      aclClaim: v.optional(text('Claim with rules that go before `authorization`'), 'acl'),
      adminClaim: v.optional(text('Claim that is true for those who may read `$SYS`'), 'admin'),
    }),
    http: section({
      url: v.optional(text('Asked by POST whether a client may come in')),
      timeout: duration('Time in which it must answer', 5000, { min: 1, max: 60_000 }),
      cache: duration('For how long an answer is kept', 0, { max: 86_400_000 }),
    }),
    scram: section({
      users: accounts(
        'Who may log in by SCRAM-SHA-256: a list of `{ username, verifier }` as `isomq passwd --scram` prints them',
      ),
    }),
  }),
  authorization: section({
    file: v.optional(text('File of rules: in the grammar of mosquitto’s `acl_file`, or `.yaml`; read anew on SIGHUP')),
    rules: v.optional(
      list('Rules, behind those of the file; see the guide to security', {
        effect: oneOf(['allow', 'deny']),
        users: v.optional(texts('')),
        clients: v.optional(texts('')),
        publish: v.optional(texts('')),
        subscribe: v.optional(texts('')),
        qos: v.optional(oneOf([0, 1, 2])),
        retain: v.optional(v.boolean('must be true or false')),
      }),
      [],
    ),
    otherwise: choice('What is done where there are rules, and none fits', 'deny', ['deny', 'allow']),
  }),
  storage: v.optional(
    v.strictObject({
      type: choice('Where messages and sessions are kept: on disk (lmdb) or in memory', 'lmdb', ['lmdb', 'memory']),
      path: v.optional(text('Directory of what is kept on disk'), 'data'),
      durability: choice(
        'What is stored survives a loss of power (flush), or only the end of the process: a loss of power may then cost all of it (os)',
        'flush',
        ['flush', 'os'],
      ),
      maxBytes: bytes(
        'Bytes of the disk that may be in use; beyond it what must be kept is refused until something is trimmed',
        Infinity,
        { min: 16 * 1024 * 1024 },
      ),
    }),
    {},
  ),
  history: v.optional(
    v.strictObject({
      filters: v.optional(
        texts('Topic filters: what they match stays in the log to be read again, whoever waits for it', 0),
        kept.filters,
      ),
      maxBytes: bytes('Payload bytes kept, oldest forgotten first; `limits.logBytes` bounds it too', kept.maxBytes),
      maxAge: duration('Time it is kept', kept.maxAge, { min: 1000 }),
    }),
    {},
  ),
  sharing: choice('Which member of a shared subscription gets a message', 'round-robin', [
    'round-robin',
    'random',
    'sticky',
    'hash-client',
    'hash-topic',
    'least-inflight',
  ]),
  autoSubscribe: v.optional(
    list('What every client is subscribed to when it connects; see below', {
      filter: text(''),
      qos: v.optional(oneOf([0, 1, 2])),
      noLocal: v.optional(v.boolean('must be true or false')),
      retainAsPublished: v.optional(v.boolean('must be true or false')),
      retainHandling: v.optional(oneOf([0, 1, 2])),
    }),
    [],
  ),
  limits: v.optional(limits, {}),
  rewrite: v.optional(
    list('Rules that replace topics and filters; the first that matches wins', {
      action: oneOf(['publish', 'subscribe', 'all']),
      // What these say is judged where the rules are made.
      source: v.string('must be a text'),
      regex: v.string('must be a text'),
      target: v.string('must be a text'),
    }),
    [],
  ),
  sys: v.optional(
    v.strictObject({
      interval: duration('Time between two updates of `$SYS/broker/…`; 0 publishes none of it', sys.interval, {
        max: 86_400_000,
      }),
      events: flag('Whether `$SYS/brokers/<node>/clients/…` tells who comes, goes and subscribes', sys.events),
      node: v.optional(text('Name of this broker in `$SYS/brokers/<node>/…`'), sys.node),
    }),
    {},
  ),
  flapping: v.optional(
    v.strictObject({
      enabled: flag('Ban client ids that come and go', false),
      maxConnects: count('Logins one client id may have within the window', f.maxConnects, { min: 1, max: 10_000 }),
      window: duration('The window', f.window, { min: 1, max: 86_400_000 }),
      banFor: duration('How long it is banned', f.banFor, { min: 1 }),
    }),
    {},
  ),
  slowSubscriptions: v.optional(
    v.strictObject({
      enabled: flag('Time deliveries and remember the slowest', false),
      threshold: duration('Time from here on is slow', slow.threshold),
      top: count('Pairs of session and topic remembered', slow.top, { min: 1, max: 1000 }),
      expireAfter: duration('Time after which one is forgotten', slow.expireAfter, { min: 1 }),
    }),
    {},
  ),
  bridges: v.optional(
    v.pipe(
      list('Other brokers to pass messages on to and to take them from; see below', {
        name: text(''),
        url: text(''),
        topics: texts(''),
        clientId: v.optional(text('')),
        username: v.optional(text('')),
        password: v.optional(text('')),
        protocolVersion: v.optional(oneOf([4, 5])),
        keepAlive: duration('', 30_000, { min: 1000, max: 65_535_000 }),
        minBackoff: duration('', 1000, { min: 1 }),
        maxBackoff: duration('', 60_000, { min: 1 }),
        maxBytes: bytes('', Infinity),
        ttl: duration('', Infinity, { min: 1 }),
        deadLetter: v.optional(text('')),
        ca: v.optional(text('')),
        cert: v.optional(text('')),
        key: v.optional(text('')),
        insecure: flag('', false),
      }),
      v.metadata({ secret: true }),
    ),
    [],
  ),
  metrics: section({
    tokenFile: v.optional(
      text(
        'File with a token that must come with a request for `/metrics`; without one they are for this machine alone',
      ),
    ),
  }),
  admin: section({
    enabled: flag('Whether the API for administrators is served by `listeners.http` and `listeners.https`', true),
    origins: v.optional(texts('Web origins whose pages may call it, besides those of the same host', 0), []),
  }),
  log: v.optional(
    v.strictObject({
      level: choice('Least severity that is logged', 'info', levels),
      format: choice('Readable lines, or one JSON object a line', 'text', ['text', 'json']),
    }),
    {},
  ),
})
