import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as tls from 'node:tls'
import { UserError } from '../user-error.ts'

/** The flags for TLS; `insecure` takes a broker's certificate whoever made it out, `tlsVersion` is the oldest that will do. */
export interface TlsFlags {
  readonly cafile?: string
  readonly capath?: string
  readonly tlsUseOsCerts?: boolean
  readonly cert?: string
  readonly key?: string
  readonly ciphers?: string
  readonly tlsVersion?: tls.SecureVersion
  readonly insecure?: boolean
}

/** What TCP and WebSocket both take for TLS. */
export interface Tls {
  readonly ca?: string
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly ciphers?: string
  readonly minVersion?: tls.SecureVersion
  readonly rejectUnauthorized?: boolean
}

/** Reads the files that the flags name. Rejects with a UserError that names the flag of one that is of no use. */
export async function readTls(flags: TlsFlags): Promise<Tls> {
  const { cafile, capath, cert, key, ciphers, tlsVersion, tlsUseOsCerts, insecure } = flags
  const authorities = [
    cafile === undefined ? '' : (await read('--cafile', cafile)).toString(),
    capath === undefined ? '' : await readDirectory(capath),
    tlsUseOsCerts === true ? await systemAuthorities() : '',
  ].join('\n')
  const result: Tls = {
    ...(authorities.trim() === '' ? {} : { ca: authorities }),
    ...(cert === undefined ? {} : { cert: await read('--cert', cert) }),
    ...(key === undefined ? {} : { key: await read('--key', key) }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(tlsVersion === undefined ? {} : { minVersion: tlsVersion }),
    ...(insecure === true ? { rejectUnauthorized: false } : {}),
  }
  try {
    tls.createSecureContext(result)
  } catch (error) {
    throw new UserError(`TLS cannot be set up as the flags say: ${(error as Error).message}`)
  }
  return result
}

async function read(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UserError(`${flag} ${file}: ${(error as Error).message}`)
  }
}

/** Every certificate in the directory, whatever its file is called. */
async function readDirectory(directory: string): Promise<string> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw new UserError(`--capath ${directory}: ${(error as Error).message}`)
  })
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'latin1').catch(() => '')))
  const certificates = texts.filter((text) => text.includes('-----BEGIN CERTIFICATE-----'))
  if (certificates.length === 0) throw new UserError(`--capath ${directory}: there is no certificate in it`)
  return certificates.join('\n')
}

/** Where systems keep what they trust in one file: Debian, Red Hat, Alpine and macOS. */
const systemFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
] as const

/** Node asks the system from 22.15 on. */
async function systemAuthorities(): Promise<string> {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => readonly string[] }
  if (getCACertificates !== undefined) return getCACertificates('system').join('\n')
  for (const file of systemFiles) {
    const text = await readFile(file, 'latin1').catch(() => '')
    if (text !== '') return text
  }
  throw new UserError('--tls-use-os-certs: what this system trusts was not found; use Node 22.15 or later, or --cafile')
}
