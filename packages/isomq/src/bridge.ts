import type { Bridge, BridgeOptions } from '@isomq/bridge'
import type { Broker as KernelBroker, Connection } from '@isomq/kernel'
import { dial } from '#dial'

/** How a broker is linked to another: where that is, or how to connect to it. */
export type BridgeTo = Omit<BridgeOptions, 'dial'> &
  (
    | {
        /** `ws:` or `wss:`; outside browsers `mqtt:` and `mqtts:` too. A function is asked for every attempt. */
        readonly url: string | URL | (() => string | URL | Promise<string | URL>)
      }
    | { readonly dial: () => Promise<Connection> }
  )

/** Links a broker to another. What it takes is loaded when it is asked for. */
export async function openBridge(broker: KernelBroker, name: string, options: BridgeTo): Promise<Bridge> {
  const { createBridge } = await import('@isomq/bridge')
  const connect = async (): Promise<Connection> => {
    if ('dial' in options) return options.dial()
    const { url } = options
    return dial(String(typeof url === 'function' ? await url() : url))
  }
  const bridge = createBridge(broker, name, { ...options, dial: connect })
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
      return bridge.close(how)
    },
  }
}
