// What the tests take from Node as a matter of course. Nothing that is shipped does.
import { Buffer } from 'buffer'

const { port1, port2 } = new MessageChannel()
const tasks: (() => void)[] = []
port1.addEventListener('message', () => tasks.shift()?.())
port1.start()

/** A turn of the event loop, without the pause that nested timers make. */
function setImmediate(task: (...args: readonly unknown[]) => void, ...args: readonly unknown[]): void {
  tasks.push(() => task(...args))
  port2.postMessage(undefined)
}

const process = { env: {}, browser: true, nextTick: queueMicrotask.bind(globalThis) }
Object.assign(globalThis, { Buffer, global: globalThis, process, setImmediate })
