import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { generate } from 'mqtt-packet'
import { createLog } from '../src/log.ts'
import { parseProxyHeader } from '../src/proxy-header.ts'
import { startServer, type Server } from '../src/server.ts'
import { load } from './config-dir.ts'

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
function binary(command: number, family: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt8(command, 0)
  head.writeUInt8(family, 1)
  head.writeUInt16BE(rest.length, 2)
  return Buffer.concat([signature, head, rest])
}
const v4 = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x07, 0x5b])
const v6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.alloc(16),
  Buffer.from([1, 0, 2, 0]),
])
const from = { address: '192.0.2.7', port: 56324 }

describe('a header says whom a connection comes from', () => {
  test.each([
    ['TCP4', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 1883\r\n'), from],
    ['TCP6', Buffer.from('PROXY TCP6 2001:db8::7 ::1 256 512\r\n'), { address: '2001:db8::7', port: 256 }],
    ['unknown', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
    ['unknown with more', Buffer.from('PROXY UNKNOWN ffff:f::1 ffff::2 1 2\r\n'), undefined],
    ['v2, IPv4', binary(0x21, 0x11, v4), from],
    ['v2, IPv4 and what else a proxy says', binary(0x21, 0x11, Buffer.concat([v4, Buffer.alloc(100, 1)])), from],
    ['v2, IPv6', binary(0x21, 0x21, v6), { address: '2001:db8::7', port: 256 }],
    ['v2, the proxy itself', binary(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['v2, a Unix socket', binary(0x21, 0x31, Buffer.alloc(216)), undefined],
  ])('%s', (_, bytes, expected) => {
    const length = bytes.length
    expect(parseProxyHeader(Buffer.concat([bytes, Buffer.from([0x10, 0x20])]))).toEqual({ length, from: expected })
    for (let end = 0; end < length; end++) expect(parseProxyHeader(bytes.subarray(0, end))).toBeUndefined()
  })

  test.each([
    ['MQTT', Buffer.from([0x10, 0x10, 0, 4])],
    ['nearly', Buffer.from('PROXX')],
    ['another family', Buffer.from('PROXY UDP4 192.0.2.7 198.51.100.1 1 1\r\n')],
    ['no address', Buffer.from('PROXY TCP4 a b 1 1\r\n')],
    ['no port', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 x 1\r\n')],
    ['no end', Buffer.from(`PROXY TCP4 ${' '.repeat(100)}`)],
    ['another version', binary(0x31, 0x11, v4)],
    ['another command', binary(0x22, 0x11, v4)],
    ['too short', binary(0x21, 0x11, v4.subarray(1))],
    ['too long', binary(0x21, 0x11, Buffer.alloc(5000))],
  ])('refused: %s', (_, bytes) => {
    expect(() => parseProxyHeader(bytes)).toThrow(/PROXY header/)
  })
})

describe('listeners behind a proxy', () => {
  let folder: string
  let pem: { key: string; cert: string }
  const running: Server[] = []
  const sockets: Socket[] = []
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'isomq-proxy-'))
    pem = makeCertificate('one')
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    for (const server of running.splice(0)) await server.stop()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function makeCertificate(name: string): { key: string; cert: string } {
    const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { key, cert }
  }

  async function start(set: readonly string[]): Promise<{ server: Server; lines: string[]; ports: number[] }> {
    const lines: string[] = []
    const off = ['listeners.mqtt=false', 'listeners.ws=false']
    const { config } = await load({ flags: { set: ['storage.type=memory', 'log.level=debug', ...off, ...set] } })
    const server = await startServer(
      config,
      createLog(config.log, (line) => lines.push(line)),
    )
    running.push(server)
    return { server, lines, ports: server.urls.map((url) => Number(new URL(url).port)) }
  }
  const listening = (name: string, tls: boolean): string =>
    `listeners.${name}=${JSON.stringify({ port: 0, proxyProtocol: true, ...(tls ? pem : {}) })}`
  const header = (): Buffer => Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 1883\r\n')
  const hello = generate({ cmd: 'connect', clientId: 'c', protocolId: 'MQTT', protocolVersion: 4, clean: true })
  const upgrade = [
    'GET /mqtt HTTP/1.1',
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: mqtt',
    '\r\n',
  ].join('\r\n')
  const masked = Buffer.concat([Buffer.from([0x82, 0x80 | hello.length, 0, 0, 0, 0]), hello])

  /** What a client says over TCP, in pieces, the first in two halves. */
  async function speak(port: number, first: Buffer, then: (socket: Socket) => Promise<void>): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1' })
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write(first.subarray(0, 5))
    await new Promise((resolve) => void setTimeout(resolve, 20))
    if (first.length > 5) socket.write(first.subarray(5))
    await then(socket)
    return socket
  }
  const known = (lines: readonly string[]): boolean =>
    lines.some((line) => line.includes('client connected') && /address="?192\.0\.2\.7\b.*port="?56324/.test(line))

  test.each(['mqtt', 'mqtts'])('%s', async (name) => {
    const { ports, lines } = await start([listening(name, name === 'mqtts')])
    if (name === 'mqtt')
      await speak(
        ports[0]!,
        Buffer.concat([header(), hello.subarray(0, 3)]),
        async (socket) => void socket.write(hello.subarray(3)),
      )
    else
      await speak(ports[0]!, header(), async (socket) => {
        const tls = connectTls({ socket, ca: readFileSync(pem.cert), host: '127.0.0.1' })
        tls.on('error', () => {}).write(hello)
      })
    await vi.waitFor(() => expect(known(lines)).toBe(true), 5000)
  })

  test.each(['ws', 'wss', 'http', 'https'])('%s', async (name) => {
    const { ports, lines } = await start([listening(name, name.endsWith('s') && name !== 'ws')])
    const talk = (socket: Socket): void => {
      socket.write(upgrade)
      socket.once('data', () => socket.write(masked))
    }
    await speak(ports[0]!, header(), async (socket) => {
      if (name === 'ws' || name === 'http') talk(socket)
      else talk(connectTls({ socket, ca: readFileSync(pem.cert), host: '127.0.0.1' }).on('error', () => {}))
    })
    await vi.waitFor(() => expect(known(lines)).toBe(true), 5000)
  })

  test('whoever says nothing, or something else, is cut off', async () => {
    const { ports, lines } = await start([listening('mqtt', false), 'limits.connectTimeout=200ms'])
    for (const first of [Buffer.alloc(0), hello, Buffer.from('PROXY TCP4 1')]) {
      const socket = await speak(ports[0]!, first, async () => {})
      socket.resume()
      await vi.waitFor(() => expect(socket.closed).toBe(true))
    }
    expect(lines.filter((line) => line.includes('client connected'))).toEqual([])
  })

  test('a certificate is replaced while the listener runs; one that is of no use is not taken', async () => {
    const current = { key: join(folder, 'now.key'), cert: join(folder, 'now.pem') }
    const put = ({ key, cert }: { key: string; cert: string }): void => {
      writeFileSync(current.key, readFileSync(key))
      writeFileSync(current.cert, readFileSync(cert))
    }
    put(pem)
    const names = ['mqtts', 'wss', 'https'] as const
    const { server, ports } = await start(
      names.map((name) => `listeners.${name}=${JSON.stringify({ port: 0, ...current })}`),
    )
    const shown = (port: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN))
          socket.destroy()
        })
        socket.on('error', reject)
      })
    expect(await Promise.all(ports.map(shown))).toEqual(['one', 'one', 'one'])
    put(makeCertificate('two'))
    await server.reload()
    expect(await Promise.all(ports.map(shown))).toEqual(['two', 'two', 'two'])
    writeFileSync(current.key, readFileSync(pem.key))
    await expect(server.reload()).rejects.toMatchObject({
      lines: names.map((name) => expect.stringMatching(`^listeners.${name}: certificate and key are of no use`)),
    })
    writeFileSync(current.cert, 'x')
    await expect(server.reload()).rejects.toThrow()
    expect(await Promise.all(ports.map(shown))).toEqual(['two', 'two', 'two'])
  })

  test('a client that names other protocols alone is refused', async () => {
    const settings = { port: 0, ...pem, alpn: ['mqtt'] }
    const { ports } = await start([`listeners.mqtts=${JSON.stringify(settings)}`])
    const outcome = (ALPNProtocols?: string[]): Promise<string | false | null> =>
      new Promise((resolve) => {
        const named = ALPNProtocols === undefined ? {} : { ALPNProtocols }
        const socket = connectTls({ port: ports[0]!, host: '127.0.0.1', rejectUnauthorized: false, ...named }, () => {
          resolve(socket.alpnProtocol)
          socket.destroy()
        })
        socket.on('error', () => resolve('refused'))
      })
    expect(await outcome(['x', 'mqtt'])).toBe('mqtt')
    expect(await outcome()).toBe(false)
    expect(await outcome(['h2'])).toBe('refused')
  })
})
