import type { Connection } from '@isomq/kernel'
import { connectTcp } from '@isomq/transport-tcp'
import { connectWs } from '@isomq/transport-websocket'
import { UserError } from '../user-error.ts'
import { readTls, type TlsFlags } from './read-tls.ts'
import { targetUrl, type Target } from './target.ts'

/** The flags that say how to connect. */
export interface DialFlags extends TlsFlags {
  /** Address of this machine to connect from. */
  readonly bindAddress?: string
  /** Application protocol to ask TLS for. */
  readonly tlsAlpn?: string
}

/** The broker cannot be reached, now. The message says where it was sought and why it was not found. */
class Unreachable extends Error {
  override readonly name: string = 'Unreachable'
}

/** Connects to a broker. Rejects with `Unreachable`, or with a UserError for flags and files that are of no use. */
export async function dial(target: Target, flags: DialFlags, version: number | undefined): Promise<Connection> {
  const { scheme, host, port, path, unix } = target
  const { bindAddress, tlsAlpn } = flags
  const url = targetUrl(target)
  const secure = scheme === 'mqtts' || scheme === 'wss'
  if (tlsAlpn !== undefined && scheme !== 'mqtts') throw new UserError(`--tls-alpn goes with TLS, and not by WebSocket`)
  const tls = secure ? await readTls(flags) : undefined
  const from = bindAddress === undefined ? {} : { localAddress: bindAddress }
  try {
    if (path !== '') return await connectWs({ url, protocols: [version === 3 ? 'mqttv3.1' : 'mqtt'], tls, ...from })
    const alpn = tlsAlpn === undefined ? {} : { alpn: [tlsAlpn] }
    return await connectTcp({ host, port, path: unix, tls: tls && { ...tls, ...alpn }, ...from })
  } catch (error) {
    throw new Unreachable(`cannot connect to ${url}: ${explain(error)}`)
  }
}

const untrusted = 'who signed its certificate is not trusted (name the authority with --cafile)'
const texts: ReadonlyMap<string, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted],
  ['SELF_SIGNED_CERT_IN_CHAIN', untrusted],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted],
  ['ECONNREFUSED', 'connection refused (does a broker listen there?)'],
  ['ENOTFOUND', 'no such host'],
  ['EAI_AGAIN', 'the name of the host cannot be looked up'],
  ['ETIMEDOUT', 'no answer'],
  ['EHOSTUNREACH', 'no way to that host'],
  ['ENETUNREACH', 'no way to that network'],
  ['ECONNRESET', 'connection reset'],
  ['ENOENT', 'there is no such socket'],
  ['EACCES', 'permission denied'],
  ['EADDRNOTAVAIL', 'the address of -A is not one of this machine'],
])

/** A name with several addresses fails with several errors: the first tells. */
function explain(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const { code, message } = first as NodeJS.ErrnoException
  return texts.get(code ?? '') ?? (message || String(code ?? first))
}
