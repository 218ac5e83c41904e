import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { succeed } from './process.ts'
import type { Scope } from './scope.ts'
import { temporaryDirectory } from './temporary.ts'

/** PEM files, by their paths. */
export interface Certificates {
  /** Where they all are. */
  readonly directory: string
  readonly ca: string
  readonly key: string
  readonly cert: string
  readonly clientKey: string
  readonly clientCert: string
}

/** An authority, a server's certificate for this machine, and a client's. */
export async function makeCertificates(scope: Scope): Promise<Certificates> {
  const directory = temporaryDirectory(scope)
  const file = (name: string): string => join(directory, name)
  const make = (args: readonly string[]): Promise<string> => succeed('openssl', args, { scope })
  await make([
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=isomq test authority',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
  ])
  writeFileSync(file('san'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  for (const name of ['server', 'client']) {
    await make([
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.csr`),
    ])
    const sign = [
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      '-CA',
      file('ca.pem'),
      '-CAkey',
      file('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
    ]
    await make([...sign, '-extfile', file('san'), '-out', file(`${name}.pem`)])
  }
  return {
    directory,
    ca: file('ca.pem'),
    key: file('server.key'),
    cert: file('server.pem'),
    clientKey: file('client.key'),
    clientCert: file('client.pem'),
  }
}
