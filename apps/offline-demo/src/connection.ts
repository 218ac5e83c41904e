import { connectWorker, type HostPlace } from 'isomq/worker-client'
import mqtt, { type MqttClient } from 'mqtt'
import { type Edit, edit, type Entry, fromText, isSame, lastStamp, toText } from './checklist.ts'
import { Clock } from './clock.ts'
import { device, randomText } from './device.ts'
import type { LinkState } from './link-state.ts'
import { syncTag } from './names.ts'
import { sampleEntries } from './sample.ts'
import { type Person, takeIn, useStore } from './store.ts'
import { local, placeOf } from './topics.ts'
// oxlint-disable-next-line import/default -- the bundler makes one: where the worker is
import workerUrl from './broker.worker.ts?worker&url'

/** Seconds after which somebody of whom nothing was heard is no longer here. */
const presence = 90
/** Milliseconds in which another may say what everybody should know, before we do. */
const hesitation = 400
/** Milliseconds without anything kept after which there is nothing. */
const silence = 700

const clock = new Clock(device.id)
const tab = randomText(6)
/** What was last heard on a topic, to see whether what is known was ever said. */
const heard = new Map<string, Entry>()
let client: MqttClient | undefined

/** Attaches this page to the broker of this device, for as long as it is open. */
export function attach(): void {
  const url = new URL(workerUrl, location.href)
  url.searchParams.set('server', device.server)
  const link = connectWorker(url)
  useStore.setState({ name: device.name, host: placeText(link.host) })
  link.on('host', (place) => useStore.setState({ host: placeText(place) }))
  const me = `people/${device.id}/${tab}`
  client = mqtt.connect('ws://broker.localhost/mqtt', {
    createWebsocket: link.createWebSocket,
    protocolVersion: 5,
    clientId: `${device.id}-${tab}`,
    reconnectPeriod: 300,
    // Its other timers live in a worker made of text, which no strict policy allows.
    timerVariant: 'native',
    will: { topic: me, payload: '', qos: 0, retain: true },
  })
  client.on('connect', () => void settle(client!))
  client.on('close', () => useStore.setState({ attached: false }))
  client.on('message', (topic, payload) => hear(topic, payload.toString()))
  client.on('error', (error) => useStore.setState({ notice: error.message }))
  setInterval(sayHere, (presence / 3) * 1000)
  addEventListener('pagehide', () => client?.publish(me, '', { retain: true }))
}

/** Says something of an entry: seen here at once, kept in the next moment, at the server when it can be reached. */
export function say(topic: string, what: Edit): void {
  const known = useStore.getState().entries.get(topic) ?? {}
  const next = takeIn(topic, edit(known, what, { at: clock.tick(), by: device.name }))
  tell(topic, next)
  void askForSync()
}

/** Has the link try at once. */
export function tryNow(): void {
  client?.publish(local.wake, '')
}

/** Takes another name for whoever uses this device. */
export function rename(name: string): void {
  device.name = name
  useStore.setState({ name })
  sayHere()
}

async function settle(to: MqttClient): Promise<void> {
  await to.subscribeAsync(['checklist/#', 'people/#', 'device/#'], { qos: 1 })
  useStore.setState({ attached: true })
  sayHere()
  if (useStore.getState().loaded) return
  await new Promise((resolve) => void setTimeout(resolve, silence))
  // The same on every device, older than whatever anybody has said: who comes later changes nothing with it.
  if (useStore.getState().entries.size === 0)
    for (const [topic, entry] of sampleEntries()) tell(topic, takeIn(topic, entry))
  useStore.setState({ loaded: true })
}

function hear(topic: string, text: string): void {
  if (topic === local.link) return hearLink(JSON.parse(text) as LinkState)
  if (topic.startsWith(`${local.unsent}/`)) return hearUnsent(topic.slice(local.unsent.length + 1), text)
  if (topic.startsWith(`${local.refused}/`))
    return useStore.setState({ notice: `The server refused a change: ${text}` })
  if (topic.startsWith('people/')) return hearPerson(topic, text)
  const entry = placeOf(topic) && fromText(text)
  if (entry === undefined) return
  clock.seen(lastStamp(entry))
  heard.set(topic, entry)
  if (isSame(takeIn(topic, entry), entry)) return
  // Somebody did not know what is known here: it is said again, unless somebody else does so first.
  setTimeout(
    () => {
      const known = useStore.getState().entries.get(topic)
      if (known !== undefined && !isSame(known, heard.get(topic) ?? {})) tell(topic, known)
    },
    (0.25 + Math.random()) * hesitation,
  )
}

function hearLink(link: LinkState): void {
  const isNews = link.status === 'connected' && useStore.getState().link?.status !== 'connected'
  useStore.setState({ link })
  // Nobody there has heard who is here.
  if (isNews) sayHere()
}

function hearUnsent(topic: string, count: string): void {
  const unsent = new Set(useStore.getState().unsent)
  if (count === '') unsent.delete(topic)
  else unsent.add(topic)
  useStore.setState({ unsent })
}

function hearPerson(topic: string, text: string): void {
  const people = new Map(useStore.getState().people)
  if (text === '') people.delete(topic)
  else people.set(topic, { name: text.slice(0, 40), device: topic.split('/')[1] ?? '' } satisfies Person)
  useStore.setState({ people })
}

function sayHere(): void {
  const properties = { messageExpiryInterval: presence }
  client?.publish(`people/${device.id}/${tab}`, device.name, { retain: true, properties })
}

function tell(topic: string, entry: Entry): void {
  client?.publish(topic, toText(entry), { qos: 1, retain: true }, (error) => {
    if (error) useStore.setState({ notice: `This change could not be kept: ${error.message}` })
  })
}

/** The browser is to wake the service worker when there is a network again, if it knows how. */
async function askForSync(): Promise<void> {
  const registration = (await navigator.serviceWorker?.ready) as
    | (ServiceWorkerRegistration & { readonly sync?: { register(tag: string): Promise<void> } })
    | undefined
  await registration?.sync?.register(syncTag).catch(() => {})
}

function placeText(place: HostPlace | undefined): string {
  if (place === undefined) return 'looking for a place to run'
  if (place.kind === 'shared-worker') return 'in a SharedWorker, for all tabs'
  if (place.kind === 'tab') return place.here ? 'in this tab, for all tabs' : 'in another tab, for all tabs'
  return 'in this tab alone'
}
