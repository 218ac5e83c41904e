import type { Connection, PeerInfo } from '@isomq/kernel'
import { MemoryConnection } from './memory-connection.ts'

/** How two linked connections behave. */
export interface LinkOptions {
  /** From this many unread bytes on `send` returns false; `drain` comes at half of it. Default 65,536. */
  readonly highWaterMark?: number | undefined
  /**
   * Cuts what is delivered: the size of the next chunk, given the bytes that are left of what one `send` brought.
   * A number cuts at that size; a function may answer something else every time. Default: as it was sent.
   */
  readonly split?: number | ((length: number) => number) | undefined
  /** What both ends see as their peer, on top of `{ transport: 'memory', secure: true }`. */
  readonly peer?: Partial<PeerInfo> | undefined
}

/**
 * Two connections, each the other's peer, within one process. Delivery is asynchronous, by microtasks: a reader is never
 * called inside `send`, `start`, `resume` or `close`. A reader that throws is cut off with its own error. Bytes in the
 * inbox of a paused peer count as flushed: `close` does not wait for it.
 */
export function linkConnections(options: LinkOptions = {}): [Connection, Connection] {
  const { highWaterMark = 65_536, split } = options
  const cut = typeof split === 'number' ? () => split : split
  const peer: PeerInfo = { transport: 'memory', secure: true, ...options.peer }
  const first = new MemoryConnection(peer, highWaterMark, cut)
  const second = new MemoryConnection(peer, highWaterMark, cut)
  first.linkTo(second)
  second.linkTo(first)
  return [first, second]
}
