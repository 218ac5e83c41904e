import { linkConnections } from '@isomq/transport-memory'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConnectionSocket, installWebSocket } from '../src/index.ts'

/** The platform's, as far as it matters here: Node 20 has none. */
class Platform extends EventTarget {
  static readonly OPEN = 1
  readonly url: string

  constructor(url: string | URL, ...rest: unknown[]) {
    super()
    if (String(url) === 'nonsense') throw new DOMException('no URL', 'SyntaxError')
    this.url = `${String(url)} ${JSON.stringify(rest)}`
  }
}

const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
beforeEach(() => {
  Object.defineProperty(globalThis, 'WebSocket', { value: Platform, configurable: true, writable: true })
})
afterEach(() => {
  if (before === undefined) Reflect.deleteProperty(globalThis, 'WebSocket')
  else Object.defineProperty(globalThis, 'WebSocket', before)
})

const dial = () => linkConnections()[0]

describe('installWebSocket', () => {
  it.each([
    ['ws://broker.localhost/mqtt', true],
    ['wss://BROKER.localhost:9001/mqtt', true],
    ['https://broker.localhost', true],
    ['ws://port.localhost:8083/', true],
    ['ws://port.localhost:8084/', false],
    ['ws://broker.localhost.example/', false],
    ['ws://example/broker.localhost', false],
    ['ws://broker.localhost@example/', false],
    ['ws://broker.localhost/#part', false],
    ['ftp://broker.localhost/', false],
  ])('%s is ours: %s', (url, isOurs) => {
    const undo = installWebSocket({ hosts: ['broker.localhost', 'Port.localhost:8083'], dial })
    const socket = new WebSocket(url, 'mqtt')
    expect(socket instanceof ConnectionSocket).toBe(isOurs)
    expect(socket instanceof WebSocket).toBe(true)
    if (!isOurs) expect(socket.url).toBe(`${url} ["mqtt"]`)
    undo()
    expect(globalThis.WebSocket).toBe(Platform)
  })

  it('leaves to the platform what it was given, and what it refuses', () => {
    const undo = installWebSocket({ hosts: ['broker.localhost'], dial })
    expect(WebSocket.OPEN).toBe(1)
    expect(new WebSocket('ws://example').url).toBe('ws://example []')
    expect(() => new WebSocket('nonsense')).toThrow('no URL')
    class Own extends WebSocket {}
    expect(new Own('ws://example')).toBeInstanceOf(Own)
    expect({} instanceof WebSocket).toBe(false)
    undo()
  })

  it('undone after somebody else came, leaves that one be and takes nothing more', () => {
    const undo = installWebSocket({ hosts: ['broker.localhost'], dial })
    const ours = globalThis.WebSocket
    const later = class extends ours {}
    globalThis.WebSocket = later
    undo()
    expect(globalThis.WebSocket).toBe(later)
    expect(new ours('ws://broker.localhost/')).not.toBeInstanceOf(ConnectionSocket)
  })
})
