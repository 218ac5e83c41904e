import { readFileSync } from 'node:fs'

/** The version of this package. */
export const version: string = read()

function read(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return (manifest as { readonly version: string }).version
}
