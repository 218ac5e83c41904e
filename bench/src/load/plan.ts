/** Where the load connects, and how it speaks there. `relay` is the control's raw protocol (one line, then bytes). */
export interface Target {
  readonly kind: 'tcp' | 'websocket' | 'relay'
  readonly host: string
  readonly port: number
  readonly path: string
}

/** The quality of service of every publish and subscription of a run. */
export type QoS = 0 | 1 | 2

/** `pairs`: subscriber i hears publisher i only. `all`: every subscriber hears every publisher. */
export type Wiring = 'pairs' | 'all'

/** Everything both load processes must know about one run. */
export interface LoadPlan {
  readonly target: Target
  readonly publishers: number
  readonly subscribers: number
  readonly wiring: Wiring
  readonly qos: QoS
  /** Payload bytes of a message, its stamp included. */
  readonly payload: number
  /** Topics each publisher goes round; with more than one the subscribers take `bench/#`. */
  readonly topics: number
  /** Messages a publisher may have on the way to its slowest subscriber: `grain` times 1 or 8. */
  readonly window: number
  /** Credits go back once per this many messages; a power of two. */
  readonly grain: number
  /** Messages per second of each publisher; 0 is as fast as the window allows. */
  readonly rate: number
  /** True: the subscribers' sessions outlive their connections, so what they are owed is to be stored. */
  readonly durable: boolean
  /** Subscriptions beside the measured ones that never match. */
  readonly ballast: number
  /** True: every message has a topic of its own (see `topicsOf`). */
  readonly fresh: boolean
  /** The broker's process, whose CPU time is read in the same instant as the counters. */
  readonly brokerPid: number
}

/** What a broker is filled with before it is started again: retained messages, or messages that a sleeping session is owed. */
export type Fill = 'retained' | 'pending'

/** What a broker holds for others while nothing happens. */
export type Held = 'subscription' | 'connection' | Fill

/** From the bench to a load process. The first one gives the process its part. */
export type Order =
  | { readonly type: 'subscribe'; readonly plan: LoadPlan }
  | { readonly type: 'publish'; readonly plan: LoadPlan; readonly creditPort: number }
  | {
      readonly type: 'hold'
      readonly target: Target
      readonly what: Held
      /** Index of the first of them. */
      readonly from: number
      readonly count: number
    }
  | { readonly type: 'gather'; readonly target: Target; readonly count: number }
  | { readonly type: 'scatter' }
  | { readonly type: 'go' }
  | { readonly type: 'mark' }
  | { readonly type: 'stop' }
  | { readonly type: 'drain'; readonly sent: readonly number[]; readonly deadlineMs: number }

/** The counters of the subscriber process at one instant; latencies are those since the mark before, in µs. */
export interface Mark {
  readonly delivered: number
  readonly micros: number
  readonly cpuMicros: number | null
  readonly p50: number
  readonly p99: number
}

/** What did not arrive exactly once and in order, over the whole run. */
export interface Verdict {
  readonly lost: number
  readonly duplicate: number
  readonly disordered: number
  /** Messages that reached a subscriber they were not meant for. */
  readonly stray: number
}

/** From a load process to the bench: one reply per order, or `failed` at any time. */
export type Reply =
  | { readonly type: 'ready'; readonly creditPort: number }
  | { readonly type: 'mark'; readonly mark: Mark }
  | { readonly type: 'stopped'; readonly sent: readonly number[] }
  | { readonly type: 'verdict'; readonly verdict: Verdict }
  | { readonly type: 'failed'; readonly reason: string }
