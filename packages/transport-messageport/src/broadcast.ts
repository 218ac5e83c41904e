import type { Clock, Connection, Listener } from '@isomq/kernel'
import { BroadcastPort } from './broadcast-port.ts'
import { platformClock } from './clock.ts'
import { openPort } from './open-port.ts'
import { PortConnection } from './port-connection.ts'
import { interval } from './wire.ts'

/** Asks whoever listens on a channel for a connection over another one, of this name. */
interface Call {
  readonly isomq: 'call'
  readonly channel: string
}

/** How to reach who listens on a BroadcastChannel: tabs of one origin that share no worker. */
export interface BroadcastOptions {
  /** Name of the channel. */
  readonly name: string
  /** Default: the platform's. */
  readonly clock?: Clock | undefined
}

/** Milliseconds after which a call is repeated: who listens may not be there yet. */
const again = 200

/** Connects to who listens on this channel, or will soon. Rejects with PeerDead when nobody answers within 4 s. */
export function connectBroadcast({ name, clock = platformClock }: BroadcastOptions): Promise<Connection> {
  const channel = `${name} ${crypto.randomUUID()}`
  const caller = new BroadcastPort(name)
  const call: Call = { isomq: 'call', channel }
  const port = new BroadcastPort(channel, { first: true })
  let timer = clock.timer(0, () => undefined)
  const ring = (): void => {
    caller.postMessage(call)
    timer = clock.timer(again, ring)
  }
  ring()
  return openPort(port, { clock, owned: false, transport: 'broadcast' }).finally(() => {
    timer.cancel()
    caller.close()
  })
}

/** Accepts the connections that others make with `connectBroadcast`. */
export function listenBroadcast(
  { name, clock = platformClock, origin }: BroadcastOptions & { readonly origin?: string | undefined },
  accept: (connection: Connection) => void,
): Promise<Listener> {
  const peer = { transport: 'broadcast', secure: true, ...(origin !== undefined && { origin }) }
  const calls = new BroadcastPort(name)
  const taken = new Set<string>()
  calls.addEventListener('message', ({ data }) => {
    if (!isCall(data) || taken.has(data.channel)) return
    taken.add(data.channel)
    // By then it is not repeated any more.
    clock.timer(interval * 30, () => taken.delete(data.channel))
    accept(new PortConnection(new BroadcastPort(data.channel), { clock, patience: 30, owned: false, peer }))
  })
  calls.start()
  return Promise.resolve({
    address: `broadcast:${name}`,
    close() {
      calls.close()
      return Promise.resolve()
    },
  })
}

function isCall(value: unknown): value is Call {
  return typeof value === 'object' && value !== null && 'isomq' in value && value.isomq === 'call' && 'channel' in value
}
