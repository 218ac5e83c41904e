import { connectWorker, type WorkerLink } from 'isomq/worker-client'
import type { IClientOptions, MqttClient } from 'mqtt'
import type { BenchPage, Measured, Route } from './cases.ts'

/** MQTT.js as it is published for browsers. */
declare const mqtt: { connectAsync(url: string, options: IClientOptions): Promise<MqttClient> }

/** Messages under way at a time. */
const window = 256
const payload = 'x'.repeat(90)
const links = new Map<string, WorkerLink>()

const page: BenchPage = {
  async measure({ route, url, qos, milliseconds }) {
    const connect = (id: string): Promise<MqttClient> => connectOver(route, url, id)
    const roundTrips = await measureRoundTrips(await connect('echo'), qos, milliseconds)
    const [from, to] = [await connect('from'), await connect('to')]
    return { roundTrips, messagesPerSecond: await measureRate({ from, to, qos, milliseconds }) } satisfies Measured
  },
}
Object.assign(globalThis, page)

function connectOver(route: Route, url: string, id: string): Promise<MqttClient> {
  const options: IClientOptions = { protocolVersion: 4, clientId: `${id}-${crypto.randomUUID()}`, reconnectPeriod: 0 }
  if (!route.startsWith('SharedWorker')) return mqtt.connectAsync(url, options)
  let link = links.get(url)
  if (link === undefined) links.set(url, (link = connectWorker(url)))
  // What must be stored is what somebody is owed who is away: with a session that lasts, all of it.
  const kept = route.endsWith('IndexedDB') ? { clean: false } : {}
  return mqtt.connectAsync('ws://broker.localhost/mqtt', { ...options, ...kept, createWebsocket: link.createWebSocket })
}

/** One message at a time, to its own sender. */
async function measureRoundTrips(client: MqttClient, qos: 0 | 1, milliseconds: number): Promise<number[]> {
  const topic = `bench/${crypto.randomUUID()}`
  await client.subscribeAsync(topic, { qos })
  let came = (): void => undefined
  client.on('message', () => came())
  const times: number[] = []
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    const begun = performance.now()
    const back = new Promise<void>((resolve) => (came = resolve))
    client.publish(topic, payload, { qos })
    await back
    times.push(performance.now() - begun)
  }
  await client.endAsync()
  return times.slice(Math.min(20, times.length >> 1))
}

/** From one to another, in a window; every message is looked at. */
async function measureRate(how: {
  readonly from: MqttClient
  readonly to: MqttClient
  readonly qos: 0 | 1
  readonly milliseconds: number
}): Promise<number> {
  const { from, to, qos, milliseconds } = how
  const topic = `bench/${crypto.randomUUID()}`
  await to.subscribeAsync(topic, { qos })
  const state: { sent: number; received: number; fault?: Error; more: () => void } = {
    sent: 0,
    received: 0,
    more: () => undefined,
  }
  to.on('message', (_, bytes) => {
    const number = Number.parseInt(bytes.subarray(0, 8).toString(), 10)
    if (number !== state.received)
      state.fault ??= new Error(`message ${number} came where ${state.received} was expected`)
    state.received++
    state.more()
  })
  const another = (): Promise<void> => new Promise((resolve) => (state.more = resolve))
  const begun = performance.now()
  const end = begun + milliseconds
  while (performance.now() < end && state.fault === undefined) {
    while (state.sent - state.received < window)
      from.publish(topic, String(state.sent++).padStart(8, '0') + payload, { qos })
    await another()
  }
  const seconds = (performance.now() - begun) / 1000
  const count = state.received
  while (state.received < state.sent && state.fault === undefined) await another()
  await Promise.all([from.endAsync(), to.endAsync()])
  const { fault } = state
  if (fault !== undefined) throw fault
  return count / seconds
}
