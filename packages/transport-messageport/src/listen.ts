import type { Clock, Connection, Listener } from '@isomq/kernel'
import { platformClock } from './clock.ts'
import { PortConnection } from './port-connection.ts'
import { isDial } from './wire.ts'

/** What is listened to: a port, a worker's own scope. A port must be started by whoever owns it. */
export interface MessageSource {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
}

/** Where to listen, and how. */
export interface ListenMessagePortOptions {
  readonly on: MessageSource
  /** Web origin of those who connect. */
  readonly origin?: string | undefined
  /** Seconds without a sign of life after which a peer counts as dead. Default 30: a frozen page is not a dead one. */
  readonly patience?: number | undefined
  /** Default: the platform's. */
  readonly clock?: Clock | undefined
}

/** Accepts the connections that others make with `connectMessagePort`; other messages are left alone. */
export function listenMessagePort(
  { on, origin, patience = 30, clock = platformClock }: ListenMessagePortOptions,
  accept: (connection: Connection) => void,
): Promise<Listener> {
  const peer = { transport: 'messageport', secure: true, ...(origin !== undefined && { origin }) }
  const listener = ({ data }: MessageEvent): void => {
    if (isDial(data)) accept(new PortConnection(data.port, { clock, patience, owned: false, peer }))
  }
  on.addEventListener('message', listener)
  return Promise.resolve({
    address: 'messageport:',
    close() {
      on.removeEventListener('message', listener)
      return Promise.resolve()
    },
  })
}
