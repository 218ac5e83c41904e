import type { Target } from '../load/plan.ts'

/** The brokers that can be measured. `control` is no broker but the floor: a relay of raw bytes. */
export const PEER_NAMES = ['isomq', 'aedes', 'mosquitto', 'control'] as const

/** One of the names. */
export type PeerName = (typeof PEER_NAMES)[number]

/** A broker that is up. */
export interface RunningPeer {
  readonly pid: number
  /** Where it can be reached; a missing transport is one that it does not have. */
  readonly targets: readonly Target[]
  /** Ends it and resolves when it is gone. */
  stop(): Promise<void>
}

/** A broker that can be started. */
export interface Peer {
  readonly name: PeerName
  /** Its version, for the record. */
  version(): string
  /** Why it cannot be started on this machine; undefined when it can. */
  missing(): string | undefined
  /**
   * Starts it on free loopback ports, with a rejection when it is not up in good time. With `data`, an empty directory,
   * it keeps there what must outlive it.
   */
  start(data?: string): Promise<RunningPeer>
}
