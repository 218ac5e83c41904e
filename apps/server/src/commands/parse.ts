import { InvalidArgumentError } from 'commander'

/** A flag's value as a whole number between bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

/** A flag's value as seconds, parts of one allowed. */
export function seconds(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value <= 2_000_000) return value
  throw new InvalidArgumentError('It must be a number of seconds.')
}

/** `-x`: seconds, or -1 or ∞ for a session that never expires. */
export function expiry(text: string): number {
  if (text === '-1' || text === '∞') return 0xffffffff
  if (/^\d+$/.test(text) && Number(text) <= 0xffffffff) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of seconds, or -1 for ever.')
}

const versions: ReadonlyMap<string, 3 | 4 | 5> = new Map([
  ...(['5', '5.0', 'mqttv5', '50'] as const).map((name) => [name, 5] as const),
  ...(['4', '311', '3.1.1', 'mqttv311'] as const).map((name) => [name, 4] as const),
  ...(['3', '31', '3.1', 'mqttv31'] as const).map((name) => [name, 3] as const),
])

/** `-V`: the protocol level of a version by any of its usual names. */
export function protocolVersion(text: string): 3 | 4 | 5 {
  const level = versions.get(text)
  if (level !== undefined) return level
  throw new InvalidArgumentError('It must be 5, 3.1.1 or 3.1 (or mqttv5, mqttv311, mqttv31).')
}

/** `--random-filter`: part of the messages, in percent. */
export function percent(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value >= 0.1 && value <= 100) return value
  throw new InvalidArgumentError('It must be a number from 0.1 to 100.')
}

/** `--retain-handling`: the number that stands for it in SUBSCRIBE. */
export function retainHandling(text: string): 0 | 1 | 2 {
  const value = (['always', 'new', 'never'] as const).indexOf(text as 'always' | 'new' | 'never')
  if (value >= 0) return value as 0 | 1 | 2
  throw new InvalidArgumentError('It must be always, new or never.')
}

/** `--tls-version`: the oldest version that will do, as Node names it. */
export function tlsVersion(text: string): TlsVersion {
  const version = tlsVersions.get(text.toLowerCase())
  if (version !== undefined) return version
  throw new InvalidArgumentError('It must be tlsv1.3, tlsv1.2 or tlsv1.1.')
}

/** A version of TLS as Node names it. */
export type TlsVersion = 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

const tlsVersions: ReadonlyMap<string, TlsVersion> = new Map(
  (['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map((version) => [version.toLowerCase(), version]),
)

/** Gathers a flag that may be repeated. */
export function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
