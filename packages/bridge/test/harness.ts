import {
  type Broker,
  type Connection,
  createBroker,
  type Guard,
  type Limits,
  type Message,
  type Storage,
} from '@isomq/kernel'
import { mqtt, type MqttOptions } from '@isomq/protocol-mqtt'
import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost, type FakeHost } from '@isomq/testkit'
import { linkConnections } from '@isomq/transport-memory'
import { afterEach, expect } from 'vitest'
import { type Bridge, createBridge } from '../src/bridge.ts'
import type { BridgeOptions } from '../src/options.ts'

/** Two brokers in this process, a bridge from the near one to the far one, and a network between them that the test cuts. */
export interface Setting {
  readonly host: FakeHost
  readonly near: Broker
  readonly far: Broker
  readonly bridge: Bridge
  /** How often the far broker was dialled. */
  readonly dials: number
  /** False: nobody is reached. */
  online: boolean
  /** Ends the connection without a word. */
  cut(): void
  /** Stops a broker as a crash would and starts it again on what it has stored; the near one's bridge with it. */
  crash(which: 'near' | 'far'): Promise<void>
  /** Publishes at one of the two; resolves when it is accepted. */
  publish(at: 'near' | 'far', topic: string, payload: string, more?: Partial<Message>): Promise<void>
  /** Everything that is published at one of the two from now on, as `topic payload`. */
  listen(at: 'near' | 'far', filter?: string): string[]
  /** Lets what is under way come through. */
  settle(): Promise<void>
}

export interface SettingOptions extends Partial<Omit<BridgeOptions, 'dial'>> {
  readonly farGuard?: Guard
  readonly nearLimits?: Partial<Limits>
  readonly farMqtt?: Partial<MqttOptions>
  readonly storage?: { near?: Storage; far?: Storage }
  readonly online?: boolean
  /** What takes the place of the far broker. */
  readonly serve?: (connection: Connection) => void
}

const settings: Setting[] = []

// A fault that was reported is a bug, whatever the test was about.
afterEach(() => {
  for (const { host } of settings.splice(0))
    expect(host.reports.map(({ error, context }) => `${context}: ${String(error)}`)).toEqual([])
})

/** The storage as a broker has it until it dies: of what that one does afterwards nothing is stored. */
function mortal(storage: Storage, life: { readonly dead: boolean }): Storage {
  return {
    log: (name) => storage.log(name),
    table: (name) => storage.table(name),
    commit: (batch) => (life.dead ? new Promise(() => undefined) : storage.commit(batch)),
    close: () => storage.close(),
  }
}

/** Chance that is always in the middle: waits are half their bound. */
const middle = (): number => 0.5

export async function setting(options: SettingOptions = {}): Promise<Setting> {
  const host = fakeHost()
  const { farGuard, nearLimits, farMqtt, storage = {}, serve, online = true, ...own } = options
  const stores = { near: storage.near ?? memoryStorage(), far: storage.far ?? memoryStorage() }
  const protocol = mqtt(farMqtt)
  let lines: Connection[] = []
  const lives = { near: { dead: false }, far: { dead: false } }
  const start = (which: 'near' | 'far'): Promise<Broker> => {
    const storage = mortal(stores[which], (lives[which] = { dead: false }))
    return createBroker({
      storage,
      host,
      ...(which === 'far' && farGuard && { guard: farGuard }),
      ...(which === 'near' && nearLimits && { limits: nearLimits }),
    })
  }
  const brokers = { near: await start('near'), far: await start('far') }
  const heard: { at: 'near' | 'far'; filter: string; list: string[] }[] = []
  const tap = (at: 'near' | 'far', filter: string, list: string[]): void => {
    brokers[at].tap(filter, ({ topic, payload }) => list.push(`${topic} ${new TextDecoder().decode(payload)}`))
  }
  // A line that was cut or belongs to a broker that has crashed tells nobody anything any more.
  const dial = async (): Promise<Connection> => {
    made.dials++
    if (!made.online) throw new Error('nobody is there')
    const [left, right] = linkConnections()
    lines.push(left, right)
    if (serve === undefined) protocol.serve(right, brokers.far)
    else serve(right)
    return left
  }
  const bridgeOptions: BridgeOptions = { topics: ['# out 1'], random: middle, ...own, dial }
  const made = {
    host,
    dials: 0,
    online,
    bridge: createBridge(brokers.near, 'cloud', bridgeOptions),
    get near() {
      return brokers.near
    },
    get far() {
      return brokers.far
    },
    cut() {
      for (const line of lines) line.close(new Error('the line is cut'))
      lines = []
    },
    async crash(which: 'near' | 'far') {
      const dead = made.bridge
      lives[which].dead = true
      brokers[which] = await start(which)
      if (which === 'near') {
        // It must not come back.
        void dead.close()
        made.cut()
        made.bridge = createBridge(brokers.near, 'cloud', bridgeOptions)
      }
      for (const { at, filter, list } of heard) if (at === which) tap(at, filter, list)
      made.cut()
    },
    async publish(at: 'near' | 'far', topic: string, payload: string, more: Partial<Message> = {}) {
      const message = {
        topic,
        payload: new TextEncoder().encode(payload),
        qos: 1,
        retain: false,
        publisher: '',
      } as const
      const accepted = brokers[at].publish({ ...message, timestamp: host.clock.now(), ...more })
      await host.settle()
      await accepted
    },
    listen(at: 'near' | 'far', filter = '#') {
      const list: string[] = []
      heard.push({ at, filter, list })
      tap(at, filter, list)
      return list
    },
    settle: () => host.settle(),
  }
  settings.push(made)
  await host.settle()
  return made
}
