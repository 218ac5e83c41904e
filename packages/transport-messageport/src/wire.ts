/*
 * What travels between two ends. First each sends `{ isomq: version, life? }`; then
 *   an ArrayBuffer   bytes
 *   a number         so many bytes were read: the peer may send as many more
 *   'ping', 'pong'   are you there? here I am
 *   'end'            nothing follows and nothing is read any more
 *   'cut'            as 'end', but not in order: drop what was not read yet
 */

/** Changes with what is said here; ends that differ in it do not connect. */
export const version = 1
/** Bytes that may be on their way or wait unread at the other end. */
export const window: number = 256 * 1024
/** Milliseconds from ping to ping. A hidden page's timers run once a second, no oftener. */
export const interval = 1000
/** The port says nothing of a peer that died; so many pings in a row without an answer do. */
export const patience = 4

/** The first message of each end. */
export interface Hello {
  readonly isomq: number
  /** Under this lock it can be told whether who connects is still there. */
  readonly life?: unknown
}

/** Asks who listens on a port for a connection over another one, which comes with it. */
export interface Dial {
  readonly isomq: 'connect'
  readonly port: MessagePort
}

export function isHello(value: unknown): value is Hello {
  return typeof value === 'object' && value !== null && 'isomq' in value && typeof value.isomq === 'number'
}

export function isDial(value: unknown): value is Dial {
  return typeof value === 'object' && value !== null && 'isomq' in value && value.isomq === 'connect' && 'port' in value
}
