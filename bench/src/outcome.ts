import type { Verdict } from './load/plan.ts'
import type { PeerName } from './peers/peer.ts'
import type { Scenario } from './scenarios.ts'

/** What a load showed. */
export interface LoadNumbers {
  readonly kind: 'load'
  /** Messages delivered per second. */
  readonly rate: number
  /** The broker's CPU time per message delivered, in µs; null where it cannot be read. */
  readonly cpu: number | null
  /** The share of the measured time that the broker was on a CPU. */
  readonly busy: number | null
  /** The CPU share of the load's processes together; where it nears their cores, the load is the limit. */
  readonly loadBusy: number | null
  /** Latencies from the publisher's write to the subscriber's read, in µs. */
  readonly p50: number
  readonly p99: number
  /** Resident bytes of the broker at the end of the measurement, and at its highest. */
  readonly rss: number | null
  readonly peak: number | null
  readonly verdict: Verdict
}

/** What many things of one kind showed. */
export interface HeldNumbers {
  readonly kind: 'held'
  /** Bytes of the broker's resident memory for each, its share of the clients that belong to it included. */
  readonly bytes: number
  /** The broker's CPU time for each while they were made, in µs; null where it cannot be read. */
  readonly cpu: number | null
  /** The same while the connections all ended at once; null for other things. */
  readonly endCpu: number | null
  readonly rss: number
}

/** What it cost that many clients came and went at once. */
export interface StormNumbers {
  readonly kind: 'storm'
  /** The broker's CPU time for each that came, and for each that went, in µs; null where it cannot be read. */
  readonly coming: number | null
  readonly going: number | null
  readonly rss: number | null
}

/** What starting with much on disk showed. */
export interface BootNumbers {
  readonly kind: 'boot'
  /** From the start of the process to its first listener, in seconds. */
  readonly seconds: number
  readonly perSecond: number
  /** CPU seconds of the broker until then. */
  readonly cpu: number | null
  /** Resident bytes at their highest until then. */
  readonly peak: number | null
}

/** How one scenario ended for one peer. A failed one has numbers if it got that far. */
export type Outcome =
  | { readonly status: 'ok'; readonly numbers: LoadNumbers | HeldNumbers | StormNumbers | BootNumbers }
  | { readonly status: 'failed'; readonly reason: string; readonly numbers?: LoadNumbers }
  | { readonly status: 'n/a'; readonly reason: string }

/** One scenario with all its outcomes. */
export interface Result {
  readonly scenario: Scenario
  readonly outcomes: Readonly<Partial<Record<PeerName, Outcome>>>
}
