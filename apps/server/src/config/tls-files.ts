import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { UserError } from '../user-error.ts'
import type { TlsSettings } from './types.ts'

/** The contents of the files that TLS needs. */
export interface TlsFiles {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca?: Buffer
  readonly requestCert: boolean
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
  return { ...files, requestCert: settings.requestCert }
}
