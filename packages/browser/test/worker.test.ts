import type { Connection } from '@isomq/kernel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectWorker, serveWorker } from '../src/index.ts'

/** The scope of a SharedWorker, as far as it matters here: this process plays page and worker. */
let scope: EventTarget
let closes: number
/** Workers that were started or joined, and whether they are there. */
let started: { readonly url: string; readonly options: unknown; readonly port: MessagePort }[]

class FakeSharedWorker {
  readonly port: MessagePort

  constructor(url: string | URL, options: unknown) {
    const { port1, port2 } = new MessageChannel()
    this.port = port1
    started.push({ url: String(url), options, port: port1 })
    scope.dispatchEvent(Object.assign(new Event('connect'), { ports: [port2] }))
    ports.push(port1, port2)
  }
}

const ports: MessagePort[] = []

beforeEach(() => {
  scope = new EventTarget()
  closes = 0
  started = []
  vi.stubGlobal('SharedWorker', FakeSharedWorker)
  vi.stubGlobal('SharedWorkerGlobalScope', EventTarget)
  vi.stubGlobal('addEventListener', scope.addEventListener.bind(scope))
  vi.stubGlobal('close', () => void closes++)
  vi.stubGlobal('location', { origin: 'https://app.example', href: 'https://app.example/' })
})

afterEach(() => {
  vi.unstubAllGlobals()
  for (const port of ports.splice(0)) port.close()
})

/** A broker that answers everything with its first byte, plus one. */
function echo(served: Connection[] = []) {
  return {
    serve(connection: Connection) {
      served.push(connection)
      connection.start({
        data: ([byte = 0]) => void connection.send(new Uint8Array([byte + 1])),
        drain() {},
        close() {},
      })
    },
  }
}

function opened(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.addEventListener('open', () => resolve('open'))
    socket.addEventListener('close', ({ code }) => resolve(`closed ${code}`))
  })
}

describe('a broker in a SharedWorker', () => {
  it('serves pages, those that came before it was ready too, and knows their origin', async () => {
    let ready = (): void => undefined
    const served: Connection[] = []
    const serving = serveWorker(async () => {
      await new Promise<void>((resolve) => (ready = resolve))
      return echo(served)
    })
    const link = connectWorker('/worker.js', { worker: { name: 'mine' } })
    const early = link.createWebSocket('ws://any/mqtt', ['mqtt'])
    early.binaryType = 'arraybuffer'
    const answer = new Promise((resolve) => early.addEventListener('message', ({ data }) => resolve(data)))
    early.addEventListener('open', () => early.send(new Uint8Array([7])))
    expect(await opened(early)).toBe('open')
    expect(served).toEqual([])
    ready()
    await serving
    expect(new Uint8Array((await answer) as ArrayBuffer)).toEqual(new Uint8Array([8]))
    expect(await opened(link.createWebSocket('ws://any/mqtt'))).toBe('open')
    expect(served.map(({ peer }) => [peer.transport, peer.origin])).toEqual([
      ['messageport', 'https://app.example'],
      ['messageport', 'https://app.example'],
    ])
    expect(started.map(({ url, options }) => [url, options])).toEqual([
      ['https://app.example/worker.js', { type: 'module', extendedLifetime: true, name: 'mine' }],
    ])
    for (const connection of served) connection.close()
  })

  it('that does not start tells its pages, and makes room for the next one', async () => {
    const serving = serveWorker(() => Promise.reject(new Error('the disk is gone')))
    const refusal = expect(serving).rejects.toThrow('the disk is gone')
    const connection = await connectWorker('/worker.js').connect()
    const end = new Promise((resolve) => connection.start({ data() {}, drain() {}, close: resolve }))
    await refusal
    expect(await end).toBeInstanceOf(Error)
    expect(closes).toBe(1)
  })

  it('that has ended is started anew by whoever connects next', async () => {
    await serveWorker(() => echo())
    const link = connectWorker('/worker.js')
    const first = await link.connect()
    first.start({ data() {}, drain() {}, close() {} })
    started[0]!.port.dispatchEvent(new Event('close'))
    const [second, third] = await Promise.all([link.connect(), link.connect()])
    expect(started.length).toBe(2)
    for (const connection of [first, second, third]) connection.close(new Error('done'))
  })

  it('that does not answer is started anew, too', async () => {
    const link = connectWorker('/worker.js')
    // Nobody listened to the first one's port.
    await serveWorker(() => echo())
    const connection = await link.connect()
    expect(started.length).toBe(2)
    connection.close(new Error('done'))
  }, 20_000)

  it('is refused where there is none', async () => {
    vi.stubGlobal('SharedWorker', undefined)
    expect(() => connectWorker('/worker.js')).toThrow(TypeError)
    vi.unstubAllGlobals()
    await expect(serveWorker(() => echo())).rejects.toThrow('for the script of a worker')
  })

  it('is where WebSockets to certain hosts of a page lead', async () => {
    vi.stubGlobal('WebSocket', class extends EventTarget {})
    await serveWorker(() => echo())
    const undo = connectWorker('/worker.js').installWebSocket({ hosts: ['broker.localhost'] })
    const socket = new WebSocket('ws://broker.localhost/mqtt', 'mqttv3.1')
    expect(await opened(socket)).toBe('open')
    expect(socket.protocol).toBe('mqttv3.1')
    socket.close()
    undo()
  })
})
