import { drainOutbox } from 'isomq/sw'
import { bridgeName, database, syncTag } from './names.ts'

// Keeps the files of the app, so that it opens without a network, and sends what waits while no page is open.

declare const __FILES__: readonly string[]
declare const __VERSION__: string

/** What a service worker's scope has that the types of pages do not. */
interface Extendable extends Event {
  readonly tag?: string
  readonly request: Request
  waitUntil(work: Promise<unknown>): void
  respondWith(answer: Promise<Response>): void
}
const scope = globalThis as unknown as {
  readonly registration: { readonly scope: string }
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
  addEventListener(type: string, listener: (event: Extendable) => void): void
}

const cacheName = `fieldlist-${__VERSION__}`

scope.addEventListener('install', (event) => {
  const urls = ['./', ...__FILES__].map(
    (file) => new Request(new URL(file, scope.registration.scope), { cache: 'reload' }),
  )
  event.waitUntil(caches.open(cacheName).then(async (cache) => cache.addAll(urls)))
  void scope.skipWaiting()
})

scope.addEventListener('activate', (event) => {
  event.waitUntil(forgetOthers().then(() => scope.clients.claim()))
})

scope.addEventListener('fetch', (event) => {
  const { request } = event
  const isOurs = request.method === 'GET' && request.url.startsWith(scope.registration.scope)
  if (isOurs) event.respondWith(answer(request))
})

const drain = (): Promise<unknown> => drainOutbox(database, bridgeName)
const whenAsked = (event: Extendable): void => {
  if (event.tag === syncTag) event.waitUntil(drain())
}
scope.addEventListener('sync', whenAsked)
scope.addEventListener('periodicsync', whenAsked)
scope.addEventListener('online', () => void drain().catch(() => {}))

async function forgetOthers(): Promise<void> {
  const names = await caches.keys()
  const old = names.filter((name) => name.startsWith('fieldlist-') && name !== cacheName)
  await Promise.all(old.map((name) => caches.delete(name)))
}

/** From the cache; a page of whatever query is the one page there is. */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName)
  const kept = await cache.match(request.mode === 'navigate' ? './' : request, { ignoreSearch: true })
  return kept ?? fetch(request)
}
