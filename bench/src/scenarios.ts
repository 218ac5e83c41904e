import type { Fill, Held, QoS, Wiring } from './load/plan.ts'

/** A load to put on a broker. */
export interface LoadScenario {
  readonly kind: 'load'
  readonly name: string
  readonly transport: 'tcp' | 'websocket'
  readonly publishers: number
  readonly subscribers: number
  readonly wiring: Wiring
  readonly qos: QoS
  /** Payload bytes. */
  readonly payload: number
  /** Topics each publisher goes round. */
  readonly topics: number
  /** Messages per second of each publisher; 0 is as fast as possible. */
  readonly rate: number
  /** An upper limit of messages a publisher has on their way. */
  readonly window: number
  /** True: the broker keeps its data on disk, and the subscribers' sessions outlive their connections. */
  readonly durable: boolean
  /** Subscriptions of other clients that never match. */
  readonly ballast: number
  /** True: every message has a topic that was never published to before, in the midst of the ballast's. */
  readonly fresh: boolean
  /** The scenario this one is to be compared with: its CPU time is 1. */
  readonly baseline: string | undefined
}

/** Many of one thing, to see their price in memory and what it costs to make them, and to end them. */
export interface HeldScenario {
  readonly kind: 'held'
  readonly name: string
  readonly what: Held
  readonly transport: LoadScenario['transport']
  readonly count: number
}

/** Many clients that come all at once, and go all at once. */
export interface StormScenario {
  readonly kind: 'storm'
  readonly name: string
  readonly count: number
  /** The scenario this one is to be compared with: its CPU time is 1. */
  readonly baseline: string | undefined
}

/** A start of a broker that has much on disk. */
export interface BootScenario {
  readonly kind: 'boot'
  readonly name: string
  readonly what: Fill
  readonly count: number
}

/** One thing to measure. Names are unique. */
export type Scenario = LoadScenario | HeldScenario | StormScenario | BootScenario

type Traits = Partial<Omit<LoadScenario, 'kind' | 'name'>>

const PLAIN: Omit<LoadScenario, 'name'> = {
  kind: 'load',
  transport: 'tcp',
  publishers: 1,
  subscribers: 1,
  wiring: 'all',
  qos: 0,
  payload: 64,
  topics: 1,
  rate: 0,
  window: Infinity,
  durable: false,
  ballast: 0,
  fresh: false,
  baseline: undefined,
}

/** Where in the ballast's tree new topics grow: places in a ring of frames, so that no broker finds them all in its processor's cache. */
const FRESH_PLACES = 50_000

const BASE = '1→1, QoS 0'

const SHAPES: readonly (readonly [name: string, traits: Traits])[] = [
  ['1→1', {}],
  ['10→10', { publishers: 10, subscribers: 10, wiring: 'pairs' }],
  ['1→100', { subscribers: 100 }],
  ['100→1', { publishers: 100 }],
]
/** One long message from each of a hundred would be more than any broker has to hold for one reader. */
const SHAPES_OF_LONG: typeof SHAPES = [...SHAPES.slice(0, 3), ['10→1', { publishers: 10 }]]
const LEVELS: readonly QoS[] = [0, 1, 2]
const PAYLOADS: readonly (readonly [name: string, bytes: number])[] = [
  ['', 64],
  [', 1 KiB', 1024],
  [', 64 KiB', 65_536],
]
const TRANSPORTS = [
  ['', 'tcp'],
  [', WebSocket', 'websocket'],
] as const

/** Rows of the matrix that are always measured, beside those of 64 bytes over TCP. */
const SELECTED = new Set([
  '1→1, QoS 0, 1 KiB',
  '1→1, QoS 0, 64 KiB',
  '1→1, QoS 1, 64 KiB',
  '1→100, QoS 0, 1 KiB',
  '1→1, QoS 0, WebSocket',
  '1→1, QoS 1, WebSocket',
  '1→1, QoS 2, WebSocket',
  '1→1, QoS 0, 64 KiB, WebSocket',
  '1→100, QoS 0, WebSocket',
])

/**
 * What the bench knows, in the order it runs. `quick` has fewer silent subscriptions. `all` has every shape at every
 * QoS, payload and transport; without it one row stands for many.
 */
export function allScenarios(quick: boolean, all: boolean): Scenario[] {
  const many = quick ? 100_000 : 1_000_000
  const manySubscriptions = `${many.toLocaleString('en')} subscriptions`
  return [
    ...matrix(all),
    load('1→10, QoS 0', { subscribers: 10 }),
    load('1→1000, QoS 0', { subscribers: 1000 }),
    load('10,000 topics into bench/#, QoS 0', { topics: 10_000 }),
    load('1000 pairs, one message at a time, QoS 0', {
      publishers: 1000,
      subscribers: 1000,
      wiring: 'pairs',
      window: 1,
    }),
    load('1→1, QoS 0, paced at 10,000/s', { rate: 10_000 }),
    load('1→1, QoS 1, paced at 10,000/s', { qos: 1, rate: 10_000 }),
    load('1→1, QoS 1, stored', { qos: 1, durable: true }),
    load('10→1, QoS 1, stored', { publishers: 10, qos: 1, durable: true }),
    load('1000→1, QoS 1, stored', { publishers: 1000, qos: 1, durable: true }),
    load('1→1, QoS 2, stored', { qos: 2, durable: true }),
    load('1→1, QoS 0, beside 1 subscription', { ballast: 1, baseline: BASE }),
    load('1→1, QoS 0, beside 1,000 subscriptions', { ballast: 1000, baseline: BASE }),
    load(`1→1, QoS 0, beside ${manySubscriptions}`, { ballast: many, baseline: BASE }),
    load(`1→1, QoS 0, every topic new, beside ${manySubscriptions}`, {
      topics: FRESH_PLACES,
      ballast: many,
      fresh: true,
    }),
    held('subscription', many, manySubscriptions),
    ...[1000, 10_000].flatMap((count) => {
      const name = `${count.toLocaleString('en')} idle connections`
      return [held('connection', count, name), held('connection', count, `${name}, WebSocket`, 'websocket')]
    }),
    ...(quick ? [500, 1000] : [1000, 5000, 10_000]).map(storm),
    held('retained', 100_000, '100,000 retained messages'),
    held('pending', 100_000, '100,000 messages for one who is away'),
    boot('retained', many),
    boot('pending', many),
  ]
}

/** Every shape at every QoS, payload and transport, or the selected ones. */
function matrix(all: boolean): LoadScenario[] {
  const rows = TRANSPORTS.flatMap(([via, transport]) =>
    PAYLOADS.flatMap(([size, payload]) =>
      (payload > 4096 ? SHAPES_OF_LONG : SHAPES).flatMap(([shape, traits]) =>
        LEVELS.map((qos) => load(`${shape}, QoS ${qos}${size}${via}`, { ...traits, qos, payload, transport })),
      ),
    ),
  )
  const isPlain = (row: LoadScenario): boolean => row.payload === 64 && row.transport === 'tcp'
  return all ? rows : rows.filter((row) => isPlain(row) || SELECTED.has(row.name))
}

/** The first of several is what the others are measured by. */
function storm(count: number, _index: number, all: readonly number[]): StormScenario {
  const nameOf = (each: number): string => `${each.toLocaleString('en')} clients come and go at once`
  const first = all[0]!
  return { kind: 'storm', name: nameOf(count), count, baseline: first === count ? undefined : nameOf(first) }
}

function boot(what: Fill, count: number): BootScenario {
  return { kind: 'boot', name: `start with ${count.toLocaleString('en')} ${what} messages`, what, count }
}

// oxlint-disable-next-line max-params -- the last one is seldom another
function held(what: Held, count: number, name: string, transport: LoadScenario['transport'] = 'tcp'): HeldScenario {
  return { kind: 'held', name, what, count, transport }
}

function load(name: string, traits: Traits): LoadScenario {
  return { ...PLAIN, ...traits, name }
}
