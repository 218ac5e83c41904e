import type { AclRule } from '@isomq/acl'
import type { JwtOptions } from '@isomq/auth-jwt'
import type { FlappingOptions, HistoryOptions, Limits, Sharing, SlowOptions } from '@isomq/kernel'
import type { AutoSubscription, MqttOptions, RewriteRule } from '@isomq/protocol-mqtt'
import type { SiteSettings } from '../web/sites.ts'
import type { Account, AccountInput } from './accounts.ts'

/** Where plain TCP is accepted. */
export interface TcpSettings {
  readonly host: string
  readonly port: number
  /** Every connection begins with a header of the PROXY protocol. */
  readonly proxyProtocol?: boolean | undefined
}

/** Where WebSockets are accepted: at these paths, and from pages of these origins (all, where not said). */
export interface WsSettings extends TcpSettings {
  readonly paths: readonly string[]
  readonly origins?: readonly string[] | undefined
}

/** Where one port is opened for all that browsers need; without `origins` for the pages of this port alone. */
export interface HttpSettings extends TcpSettings {
  readonly origins?: readonly string[] | undefined
}

/** PEM files. With `requestCert`, clients must show a certificate that an authority in `ca` signed. */
export interface TlsSettings {
  readonly cert: string
  readonly key: string
  readonly ca?: string | undefined
  readonly requestCert: boolean
  /** Protocols named in the handshake, best first; a client that names others is refused. */
  readonly alpn?: readonly string[] | undefined
}

/** Every listener there can be. */
export const listenerNames = ['mqtt', 'ws', 'mqtts', 'wss', 'http', 'https'] as const

interface Switch {
  readonly enabled: boolean
}

/** How tokens are verified; with none of the three keys none is taken. */
export interface JwtSettings {
  readonly secretFile?: string | undefined
  readonly publicKeyFile?: string | undefined
  readonly jwks?: string | undefined
  readonly algorithms: JwtOptions['algorithms']
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  readonly clockTolerance: number
  readonly usernameClaim: string
  readonly aclClaim: string
  readonly adminClaim: string
}

/** A link to another broker. */
export interface BridgeSettings {
  readonly name: string
  readonly url: string
  readonly topics: readonly string[]
  readonly clientId?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly protocolVersion?: 4 | 5 | undefined
  readonly keepAlive: number
  readonly minBackoff: number
  readonly maxBackoff: number
  readonly maxBytes: number
  readonly ttl: number
  readonly deadLetter?: string | undefined
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly insecure: boolean
}

/** Everything that can be configured, as the broker uses it: durations in milliseconds, sizes in bytes, `Infinity` where unlimited. */
export interface Config {
  readonly listeners: {
    readonly mqtt: TcpSettings | false
    readonly ws: WsSettings | false
    readonly mqtts: (TcpSettings & TlsSettings) | false
    readonly wss: (WsSettings & TlsSettings) | false
    readonly http: HttpSettings | false
    readonly https: (HttpSettings & TlsSettings) | false
  }
  readonly sites: readonly SiteSettings[]
  readonly allowAnonymous: boolean
  readonly authentication: {
    readonly passwordFile?: string | undefined
    readonly certificate: 'cn' | 'off' | 'san'
    readonly admins: readonly string[]
    readonly jwt: JwtSettings
    readonly http: { readonly url?: string | undefined; readonly timeout: number; readonly cache: number }
    readonly scram: { readonly users: readonly Account[] }
  }
  readonly authorization: {
    readonly file?: string | undefined
    readonly rules: readonly AclRule[]
    readonly otherwise: 'allow' | 'deny'
  }
  readonly storage: {
    readonly type: 'lmdb' | 'memory'
    readonly path: string
    readonly durability: 'flush' | 'os'
    readonly maxBytes: number
  }
  readonly history: HistoryOptions
  readonly sharing: Sharing
  readonly autoSubscribe: readonly AutoSubscription[]
  readonly limits: Limits & Omit<MqttOptions, 'authenticators' | 'autoSubscribe' | 'rewrite'>
  readonly rewrite: readonly RewriteRule[]
  readonly sys: {
    readonly interval: number
    readonly events: boolean
    readonly node: string
  }
  readonly flapping: FlappingOptions & Switch
  readonly slowSubscriptions: SlowOptions & Switch
  readonly bridges: readonly BridgeSettings[]
  readonly metrics: { readonly tokenFile?: string | undefined }
  readonly admin: { readonly enabled: boolean; readonly origins: readonly string[] }
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
    readonly format: 'text' | 'json'
  }
}

/** What users write: every key may be left out, and amounts may be texts such as `10s`, `1MiB` or `unlimited`. */
export interface ConfigInput {
  readonly listeners?:
    | { readonly [K in keyof Config['listeners']]?: Input<Config['listeners'][K]> | undefined }
    | undefined
  readonly sites?: readonly SiteSettings[] | undefined
  readonly allowAnonymous?: boolean | undefined
  readonly authentication?:
    | (Omit<Input<Config['authentication']>, 'http' | 'jwt' | 'scram'> & {
        readonly scram?: { readonly users?: readonly AccountInput[] | undefined } | undefined
        readonly jwt?: Input<JwtSettings> | undefined
        readonly http?: Input<Config['authentication']['http']> | undefined
      })
    | undefined
  readonly authorization?: Input<Config['authorization']> | undefined
  readonly storage?: Input<Config['storage']> | undefined
  readonly history?: Input<Config['history']> | undefined
  readonly sharing?: Sharing | undefined
  readonly autoSubscribe?: readonly AutoSubscription[] | undefined
  readonly limits?: Input<Config['limits']> | undefined
  readonly rewrite?: readonly RewriteRule[] | undefined
  readonly sys?: Input<Config['sys']> | undefined
  readonly flapping?: Input<Config['flapping']> | undefined
  readonly slowSubscriptions?: Input<Config['slowSubscriptions']> | undefined
  readonly bridges?: readonly (Pick<BridgeSettings, 'name' | 'topics' | 'url'> & Input<BridgeSettings>)[] | undefined
  readonly metrics?: Input<Config['metrics']> | undefined
  readonly admin?: Input<Config['admin']> | undefined
  readonly log?: Input<Config['log']> | undefined
}

type Input<T> = T extends object ? { readonly [K in keyof T]?: Amount<T[K]> | undefined } : T
type Amount<T> = T extends number ? number | string : T

/** Gives the configuration back unchanged; it is here so that editors know the keys in `isomq.config.ts`. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config
}
