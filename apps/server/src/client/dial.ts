import { readFile } from 'node:fs/promises'
import type { Connection } from '@isomq/kernel'
import { connectTcp, type TcpClientTls } from '@isomq/transport-tcp'
import { connectWs } from '@isomq/transport-websocket'
import { UserError } from '../user-error.ts'
import { targetUrl, type Target } from './target.ts'

/** Files for TLS; `insecure` takes a server's certificate whoever made it out. */
export interface DialTls {
  readonly cafile?: string
  readonly cert?: string
  readonly key?: string
  readonly insecure?: boolean
}

/** The broker cannot be reached, now. The message says where it was sought and why it was not found. */
class Unreachable extends Error {
  override readonly name: string = 'Unreachable'
}

/** Connects to a broker. Rejects with `Unreachable`, or with a UserError when a file for TLS cannot be read. */
export async function dial(target: Target, files: DialTls, version: number | undefined): Promise<Connection> {
  const secure = target.scheme === 'mqtts' || target.scheme === 'wss'
  const tls = secure ? { tls: await readTls(files) } : {}
  const url = targetUrl(target)
  try {
    if (target.path === '') return await connectTcp({ host: target.host, port: target.port, ...tls })
    return await connectWs({ url, protocols: [version === 3 ? 'mqttv3.1' : 'mqtt'], ...tls })
  } catch (error) {
    throw new Unreachable(`cannot connect to ${url}: ${explain(error)}`)
  }
}

async function readTls({ cafile, cert, key, insecure }: DialTls): Promise<TcpClientTls> {
  return {
    ...(cafile === undefined ? {} : { ca: await read('--cafile', cafile) }),
    ...(cert === undefined ? {} : { cert: await read('--cert', cert) }),
    ...(key === undefined ? {} : { key: await read('--key', key) }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  }
}

async function read(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UserError(`${flag} ${file}: ${(error as Error).message}`)
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
])

/** A name with several addresses fails with several errors: the first tells. */
function explain(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const { code, message } = first as NodeJS.ErrnoException
  return texts.get(code ?? '') ?? (message || String(code ?? first))
}
