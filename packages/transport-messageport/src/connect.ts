import type { Clock, Connection } from '@isomq/kernel'
import { platformClock } from './clock.ts'
import { PortConnection } from './port-connection.ts'
import { type Dial, interval, patience } from './wire.ts'

/** Whom to connect to, and how. */
export interface ConnectMessagePortOptions {
  /** Where somebody listens with `listenMessagePort`: the port of a SharedWorker, a Worker, any port's other end. It stays the caller's. */
  readonly to: { postMessage(message: unknown, transfer: Transferable[]): void }
  /** Nobody else reads the arrays that are sent: buffers are transferred, not copied. Default: false, for one array may be on its way to many peers. */
  readonly owned?: boolean | undefined
  /** Default: the platform's. */
  readonly clock?: Clock | undefined
}

/** Connects to who listens at the other end. Rejects when nobody answers within 4 s, or one of another version. */
export function connectMessagePort({
  to,
  owned = false,
  clock = platformClock,
}: ConnectMessagePortOptions): Promise<Connection> {
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve, reject) => {
    const timer = clock.timer(interval * patience, () => {
      reject(new Error('nobody answers at the other end of the port'))
      connection.close(new Error('too late'))
    })
    const connection = new PortConnection(port1, {
      clock,
      patience,
      owned,
      peer: { transport: 'messageport', secure: true },
      greeted() {
        timer.cancel()
        resolve(connection)
      },
      refused(error) {
        timer.cancel()
        reject(error)
      },
    })
    const dial: Dial = { isomq: 'connect', port: port2 }
    to.postMessage(dial, [port2])
  })
}
