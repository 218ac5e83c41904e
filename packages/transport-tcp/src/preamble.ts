import type { PeerInfo } from '@isomq/kernel'
import { createServer, type Server, type Socket } from 'node:net'
import type { Preamble } from './listen-tcp.ts'

type Origin = Pick<PeerInfo, 'address' | 'port'>

const origins = new WeakMap<Socket, Origin>()

/** Whom a preamble said that an accepted socket comes from; nothing where it said nothing. */
export function originOf(socket: Socket): Origin | undefined {
  return origins.get(socket)
}

/** A server to listen with in the place of another, which gets each socket once its preamble was read. */
export function behindPreamble(inner: Server, preamble: Preamble): Server {
  const outer = createServer((socket) => {
    // Whatever becomes of it is told by the promise.
    const ignore = (): void => {}
    socket.on('error', ignore)
    preamble(socket).then(
      (origin) => {
        if (origin !== undefined) origins.set(socket, origin)
        inner.emit('connection', socket)
        socket.off('error', ignore)
      },
      () => socket.destroy(),
    )
  })
  return outer
}
