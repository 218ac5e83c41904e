import type { Clock, Connection } from '@isomq/kernel'
import { platformClock } from './clock.ts'
import { openPort } from './open-port.ts'
import type { Dial } from './wire.ts'

/** Whom to connect to, and how. */
export interface ConnectMessagePortOptions {
  /** Where somebody listens with `listenMessagePort`: the port of a SharedWorker, a Worker, any port's other end. It stays the caller's. */
  readonly to: { postMessage(message: unknown, transfer: Transferable[]): void }
  /** Nobody else reads the arrays that are sent: buffers are transferred, not copied. Default: false, for one array may be on its way to many peers. */
  readonly owned?: boolean | undefined
  /** Default: the platform's. */
  readonly clock?: Clock | undefined
}

/** Connects to who listens at the other end. Rejects with PeerDead when nobody answers within 4 s, and where one of another version does. */
export function connectMessagePort({
  to,
  owned = false,
  clock = platformClock,
}: ConnectMessagePortOptions): Promise<Connection> {
  const { port1, port2 } = new MessageChannel()
  const opened = openPort(port1, { clock, owned, transport: 'messageport' })
  const dial: Dial = { isomq: 'connect', port: port2 }
  to.postMessage(dial, [port2])
  return opened
}
