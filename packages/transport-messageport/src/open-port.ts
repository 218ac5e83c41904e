import type { Clock, Connection } from '@isomq/kernel'
import type { Port } from './broadcast-port.ts'
import { beginLife } from './life.ts'
import { PeerDead } from './peer-dead.ts'
import { PortConnection } from './port-connection.ts'
import { interval, patience } from './wire.ts'

/** A connection over this port, once the other end has said hello. Rejects with PeerDead when it does not within 4 s. */
export function openPort(
  port: Port,
  { clock, owned, transport }: { readonly clock: Clock; readonly owned: boolean; readonly transport: string },
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let connection: PortConnection | undefined
    let isLate = false
    const timer = clock.timer(interval * patience, () => {
      isLate = true
      reject(new PeerDead('nobody answers at the other end of the port'))
      connection?.close(new Error('too late'))
    })
    void beginLife().then((life) => {
      if (isLate) return life?.end()
      connection = new PortConnection(port, {
        clock,
        patience,
        owned,
        life,
        peer: { transport, secure: true },
        greeted() {
          timer.cancel()
          resolve(connection!)
        },
        refused(error) {
          timer.cancel()
          reject(error)
        },
      })
      return undefined
    })
  })
}
