import type { Bridge, BridgeOptions } from '@isomq/bridge'
import type { Broker as KernelBroker, Connection, Storage } from '@isomq/kernel'
import { dial } from '#dial'
import { bridgeKey, keepSettings, type KeptBridge } from './kept-settings.ts'

/** How a broker is linked to another: where that is, or how to connect to it. */
export type BridgeTo = Omit<BridgeOptions, 'dial'> &
  (
    | {
        /** `ws:` or `wss:`; outside browsers `mqtt:` and `mqtts:` too. A function is asked for every attempt. */
        readonly url: string | URL | (() => string | URL | Promise<string | URL>)
      }
    | { readonly dial: () => Promise<Connection> }
  )

/** Links a broker to another, and keeps in its storage how. What it takes is loaded when it is asked for. */
export async function openBridge(
  { kernel: broker, storage }: { readonly kernel: KernelBroker; readonly storage: Storage },
  name: string,
  options: BridgeTo,
): Promise<Bridge> {
  const { createBridge } = await import('@isomq/bridge')
  const keep = (url: string | undefined): void => {
    const settings = url === undefined ? undefined : toKeep(url, options)
    keepSettings(storage, bridgeKey(name), settings).catch((error: unknown) => {
      broker.host.report(error, `keeping the settings of the bridge ${name}`)
    })
  }
  const connect = async (): Promise<Connection> => {
    if ('dial' in options) return options.dial()
    const url = String(typeof options.url === 'function' ? await options.url() : options.url)
    if (typeof options.url === 'function') keep(url)
    return dial(url)
  }
  const bridge = createBridge(broker, name, { ...options, dial: connect })
  if ('dial' in options) keep(undefined)
  else if (typeof options.url !== 'function') keep(String(options.url))
  // Whoever knows that the network is back need not be waited for.
  const wake = (): void => bridge.wake()
  const events = globalThis as Partial<Pick<EventTarget, 'addEventListener' | 'removeEventListener'>>
  events.addEventListener?.('online', wake)
  return {
    name,
    get state() {
      return bridge.state
    },
    on: (event, listener) => bridge.on(event, listener),
    wake,
    async flush(how) {
      // Timers of a broker keep no process alive; whoever waits for this does.
      const alive = setInterval(() => undefined, 60_000)
      await bridge.flush(how).finally(() => clearInterval(alive))
    },
    close(how) {
      events.removeEventListener?.('online', wake)
      if (how?.forget === true) keep(undefined)
      return bridge.close(how)
    },
  }
}

function toKeep(url: string, options: BridgeTo): KeptBridge {
  const { clientId, protocolVersion, keepAlive, connectTimeout, backoff, outbox, deadLetter, topics, auth } = options
  const named = { clientId, protocolVersion, keepAlive, connectTimeout, backoff, outbox, deadLetter }
  return { url, login: auth !== undefined, topics, ...named }
}
