// What the page offers: a suite run in it, or in one of its workers.
import type { Report } from './run-tests.ts'
import { runSuite, type SuiteName } from './suites.ts'

/** Where a suite runs. */
export type Place = 'page' | 'shared worker' | 'service worker'

/** Resolves with how it went, or with what kept it from running. */
export type RunIn = (place: Place, suite: SuiteName) => Promise<Report | string>

const runIn: RunIn = async (place, suite) => {
  if (place === 'page') return await runSuite(suite)
  if (place === 'shared worker') {
    const worker = new SharedWorker('/suites.js', { type: 'module' })
    worker.port.start()
    worker.port.postMessage(suite, [])
    return await new Promise((resolve) => {
      worker.addEventListener('error', (event) => resolve(`the worker did not start: ${(event as ErrorEvent).message}`))
      worker.port.addEventListener('message', ({ data }) => resolve(data as Report), { once: true })
    })
  }
  await navigator.serviceWorker.register('/service-worker.js')
  const { active } = await navigator.serviceWorker.ready
  const { port1, port2 } = new MessageChannel()
  active?.postMessage(suite, [port2])
  return await new Promise((resolve) => {
    port1.addEventListener('message', ({ data }) => resolve(data as Report))
    port1.start()
  })
}

Object.assign(globalThis, { runIn })
