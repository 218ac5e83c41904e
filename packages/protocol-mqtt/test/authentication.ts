import { type Authenticator, BrokerError, type Credentials, type Step } from '@isomq/kernel'
import { type Auth, type Connect, PacketType } from '../src/codec/packet.ts'
import { bench, type Bench, type BenchOptions, type TestClient } from './harness.ts'

/** The method of the authenticator below. */
export const method = 'PARROT'

/** A message as bytes. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** An authenticator that does as it is told. */
interface Parrot extends Authenticator {
  /** What clients showed at the beginning of exchanges. */
  readonly begun: Credentials[]
  /** What it waits for when it is told to. */
  wait: () => Promise<void>
}

/**
 * `ask` is answered by a question, `mute` by one without data, `I am X` by the acceptance of X and `bye`, `I am also X` by
 * the same without data, `wait` before any of it waits first, `bug` throws, nothing asks, and anything else is a code to be refused with.
 */
function parrot(): Parrot {
  const begun: Credentials[] = []
  const said = async (text: string): Promise<Step> => {
    if (text === 'ask' || text === '') return { type: 'challenge', data: bytes('well?') }
    if (text === 'mute') return { type: 'challenge', data: undefined }
    if (text.startsWith('wait ')) {
      await made.wait()
      return said(text.slice(5))
    }
    if (text.startsWith('I am also ')) return { type: 'accepted', username: text.slice(10) }
    if (text.startsWith('I am ')) return { type: 'accepted', username: text.slice(5), data: bytes('bye') }
    if (text === 'huge') return { type: 'challenge', data: new Uint8Array(70_000) }
    if (text === 'bug') throw new Error('a bug of the method')
    throw new BrokerError(text as BrokerError['code'])
  }
  const made: Parrot = {
    method,
    begun,
    wait: () => Promise.resolve(),
    begin(credentials) {
      begun.push(credentials)
      return { respond: (data) => said(new TextDecoder().decode(data)) }
    },
  }
  return made
}

/** CONNECT with the method and this message, `undefined` for none. */
export function connectWith(text: string | undefined, connect: Partial<Connect> = {}): Partial<Connect> {
  const properties = {
    ...connect.properties,
    authenticationMethod: method,
    authenticationData: text === undefined ? undefined : bytes(text),
  }
  return { clientId: 'c', ...connect, properties }
}

/** AUTH of a client. */
export function auth(reasonCode: 0x18 | 0x19, text: string, other: string = method): Auth {
  const properties = { authenticationMethod: other, authenticationData: bytes(text) }
  return { type: PacketType.Auth, reasonCode, properties }
}

/** AUTH as the broker says it. */
export function authFrom(reasonCode: number, text?: string): unknown {
  const properties = {
    authenticationMethod: method,
    ...(text === undefined ? {} : { authenticationData: bytes(text) }),
  }
  return { type: PacketType.Auth, reasonCode, properties }
}

/** A bench whose broker knows the parrot. */
export async function parrotBench(options: BenchOptions = {}): Promise<Bench & { readonly bird: Parrot }> {
  const bird = parrot()
  const made = await bench({ ...options, mqtt: { ...options.mqtt, authenticators: [bird] } })
  return Object.assign(made, { bird })
}

/** A client that has proven to be `ann`. */
export async function ann(b: Bench, connect: Partial<Connect> = {}): Promise<TestClient> {
  const client = await b.connect(connectWith('I am ann', connect))
  client.expectNothing()
  return client
}
