import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { UserError } from '../user-error.ts'
import type { Config, TlsSettings } from './types.ts'

/** The contents of the files that TLS needs. */
export interface TlsFiles {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca?: Buffer
  readonly requestCert: boolean
  readonly alpn?: readonly string[]
}

/** Reads certificate, key and authorities. Throws a UserError that names the key (`listeners.wss.cert`) and the file of each that is of no use. */
export async function readTlsFiles(settings: TlsSettings, path: string): Promise<TlsFiles> {
  const lines: string[] = []
  const read = async (name: 'cert' | 'key' | 'ca', file: string): Promise<Buffer> => {
    try {
      return await readFile(file)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      lines.push(`${path}.${name}: ${file} ${code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`}`)
      return Buffer.alloc(0)
    }
  }
  const cert = await read('cert', settings.cert)
  const key = await read('key', settings.key)
  const ca = settings.ca === undefined ? undefined : await read('ca', settings.ca)
  if (lines.length > 0) throw new UserError(lines)
  const files = { cert, key, ...(ca === undefined ? {} : { ca }) }
  try {
    createSecureContext(files)
  } catch (error) {
    throw new UserError(`${path}: certificate and key are of no use: ${(error as Error).message}`)
  }
  const { requestCert, alpn } = settings
  return { ...files, requestCert, ...(alpn === undefined ? {} : { alpn }) }
}

/** Milliseconds between two looks at a file. */
const interval = 5000
/** Milliseconds for the other files of a renewal to be there, too. */
const settling = 1000

/** Calls back when a TLS file of a listener has changed. Returns how to stop it. */
export function watchTlsFiles({ listeners }: Config, changed: () => void): () => void {
  const all = Object.values(listeners).flatMap((each) => (each !== false && 'cert' in each ? [each] : []))
  const files = new Set(all.flatMap(({ cert, key, ca = cert }) => [cert, key, ca]))
  let timer: NodeJS.Timeout | undefined
  const touched = (): void => {
    clearTimeout(timer)
    timer = setTimeout(changed, settling)
    timer.unref()
  }
  // By its state, which is that of what a link leads to: tools that renew certificates turn links round.
  for (const file of files) watchFile(file, { interval, persistent: false }, touched)
  return () => {
    clearTimeout(timer)
    for (const file of files) unwatchFile(file, touched)
  }
}
