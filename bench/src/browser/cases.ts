/** What one case measures, between two clients of MQTT.js in one page. */
export interface Case {
  /** Where the broker is. */
  readonly route: Route
  readonly qos: 0 | 1
}

/** The ways from a client in the page to a broker. */
export const routes = [
  'SharedWorker, in memory',
  'SharedWorker, IndexedDB',
  'ws to isomq on loopback',
  'ws to aedes on loopback',
] as const

/** One of the ways. */
export type Route = (typeof routes)[number]

/** What came of a case. Times in milliseconds. */
export interface Measured {
  /** Of a message that comes back to its sender, one at a time: all of them. */
  readonly roundTrips: readonly number[]
  /** From one client to another, so many under way at a time. */
  readonly messagesPerSecond: number
}

/** What the page has for the program that drives it. */
export interface BenchPage {
  /** Rejects where a message is lost, doubled or out of order. */
  readonly measure: (how: {
    readonly route: Route
    readonly url: string
    readonly qos: 0 | 1
    readonly milliseconds: number
  }) => Promise<Measured>
}
