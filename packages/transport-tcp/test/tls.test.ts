import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { selfSigned } from './certificates.ts'
import { closed, dial, ending, listen, raw } from './support.ts'

const server = selfSigned('localhost')
const client = selfSigned('device-7')
const stranger = selfSigned('stranger')

describe('TLS', () => {
  it('a listener shows mqtts and a peer is secure', async () => {
    const { listener, port, next } = await listen({ tls: server })
    expect(listener.address).toBe(`mqtts://127.0.0.1:${port}`)
    const before = Date.now()
    const dialled = await dial(port, { tls: { ca: server.cert } })
    const accepted = await next()
    expect(accepted.peer).toMatchObject({ transport: 'tls', secure: true, address: '127.0.0.1' })
    expect(accepted.peer.certificate).toBe(undefined)
    expect(accepted.peer.acceptedAt).toBeGreaterThanOrEqual(before)
    expect(dialled.peer).toMatchObject({ transport: 'tls', secure: true, port })
    expect(dialled.peer.certificate?.commonName).toBe('localhost')
    dialled.close()
    await ending(accepted)
    await listener.close()
  })

  it('dials with the ciphers and from the version on that it is told', async () => {
    const ciphers = 'TLS_CHACHA20_POLY1305_SHA256'
    const taken = createServer({ ...server, maxVersion: 'TLSv1.3' }).listen(0, '127.0.0.1')
    const seen = new Promise((resolve) => {
      taken.once('secureConnection', (socket) => {
        resolve([socket.getProtocol(), socket.getCipher().name])
        socket.on('error', () => undefined)
      })
    })
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    taken.on('tlsClientError', () => undefined)
    const dialled = await dial(port, { tls: { ca: server.cert, minVersion: 'TLSv1.3', ciphers } })
    expect(await seen).toEqual(['TLSv1.3', ciphers])
    dialled.close(new Error('done'))
    taken.setSecureContext({ ...server, maxVersion: 'TLSv1.2' })
    await expect(dial(port, { tls: { ca: server.cert, minVersion: 'TLSv1.3' } })).rejects.toThrow(/version/)
    await new Promise((resolve) => taken.close(resolve))
  })

  it('names the certificate of a client that was asked and verified', async () => {
    const { listener, port, next } = await listen({ tls: { ...server, ca: client.cert, requestCert: true } })
    const dialled = await dial(port, { tls: { ca: server.cert, ...client } })
    const accepted = await next()
    const { fingerprint256 } = new X509Certificate(client.cert)
    expect(accepted.peer.certificate).toEqual({
      commonName: 'device-7',
      fingerprint: fingerprint256,
      alternativeNames: ['localhost'],
    })
    dialled.close()
    await ending(accepted)
    await listener.close()
  })

  it('does not name a certificate nobody vouches for', async () => {
    const tls = { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: false }
    const { listener, port, next } = await listen({ tls })
    const dialled = await dial(port, { tls: { ca: server.cert, ...stranger } })
    const accepted = await next()
    expect(accepted.peer.certificate).toBe(undefined)
    dialled.close()
    await ending(accepted)
    await listener.close()
  })

  it('refuses a client without a valid certificate where one is required', async () => {
    const { listener, port, next } = await listen({ tls: { ...server, ca: client.cert, requestCert: true } })
    // In TLS 1.3 a client learns of the refusal only after its own handshake is over.
    for (const tls of [{ ca: server.cert, ...stranger }, { ca: server.cert }]) {
      await dial(port, { tls }).then(ending, (refused: unknown) => refused)
    }
    const dialled = await dial(port, { tls: { ca: server.cert, ...client } })
    const first = await next()
    expect(first.peer.certificate?.commonName).toBe('device-7')
    dialled.close()
    await ending(first)
    await listener.close()
  })

  it('a dialler refuses a server it has no reason to trust', async () => {
    const { listener, port } = await listen({ tls: server })
    await expect(dial(port, { tls: {} })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await expect(dial(port, { tls: { rejectUnauthorized: false } }).then((open) => open.close())).resolves.toBe(
      undefined,
    )
    await listener.close()
  })

  it('a dialler that asks for another protocol is refused', async () => {
    const { listener, port, next } = await listen({ tls: { ...server, alpn: ['mqtt'] } })
    await expect(dial(port, { tls: { ca: server.cert, alpn: ['http/1.1'] } })).rejects.toThrow(/alert|protocol/i)
    const dialled = await dial(port, { tls: { ca: server.cert, alpn: ['mqtt'] } })
    dialled.close()
    await ending(await next())
    await listener.close()
  })

  it('a handshake that never ends is cut off, dripping or not', async () => {
    const { listener, port } = await listen({ tls: server, handshakeTimeout: 40 })
    const silent = await raw(port)
    const dripping = await raw(port)
    // The first bytes of a record that announces more than it ever brings.
    dripping.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]))
    const drip = setInterval(() => dripping.write(Buffer.from([0x01])), 5)
    await Promise.all([closed(silent), closed(dripping)])
    clearInterval(drip)
    await listener.close()
  })

  it('bytes that are no TLS end that connection alone', async () => {
    const { listener, port, next } = await listen({ tls: server })
    const socket = await raw(port)
    socket.write('GET / HTTP/1.1\r\n\r\n')
    socket.resume()
    await closed(socket)
    const dialled = await dial(port, { tls: { ca: server.cert } })
    dialled.close()
    await ending(await next())
    await listener.close()
  })

  it('close cuts off handshakes that are under way', async () => {
    const { listener, port } = await listen({ tls: server })
    const socket = await raw(port)
    await listener.close()
    await closed(socket)
  })
})
