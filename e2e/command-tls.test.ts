import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:tls'
import { beforeAll, afterAll, expect, test } from 'vitest'
import { startBroker, type Broker } from './support/broker.ts'
import { makeCertificates, type Certificates } from './support/certificates.ts'
import { Inbox } from './support/inbox.ts'
import { isomq, startIsomq } from './support/isomq.ts'
import { connectJs } from './support/mqtt-js.ts'
import { describeWith, mosquittoClients, openssl } from './support/peers.ts'
import { start, succeed } from './support/process.ts'
import { RawClient } from './support/raw.ts'
import { eachTest, Scope } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'
import { within } from './support/within.ts'

describeWith([openssl], 'TLS', () => {
  const scope = new Scope()
  let files: Certificates | undefined
  const certificates = (): Certificates =>
    files ?? { directory: '', ca: '', key: '', cert: '', clientKey: '', clientCert: '' }
  beforeAll(async () => {
    files = await makeCertificates(scope)
  })
  afterAll(() => scope.end())

  const serve = (more: readonly string[] = []): Promise<Broker> => {
    const { key, cert, ca } = certificates()
    const of = (name: string): string[] => [
      `--${name}`,
      '127.0.0.1:0',
      '--set',
      `listeners.${name}.key=${key}`,
      '--set',
      `listeners.${name}.cert=${cert}`,
      '--set',
      `listeners.${name}.ca=${ca}`,
    ]
    return startBroker([...of('mqtts'), ...of('wss'), ...more])
  }
  const portOf = (broker: Broker, scheme: string): string => new URL(broker.urls[scheme] ?? '').port

  test('isomq sub and isomq pub over mqtts and wss', async () => {
    const broker = await serve()
    expect(Object.keys(broker.urls)).toEqual(['mqtt', 'ws', 'mqtts', 'wss'])
    const topic = unique('tls')
    const trust = ['--cafile', certificates().ca]
    const id = unique('sub')
    const tcp = startIsomq([
      'sub',
      '-h',
      'localhost',
      '-p',
      portOf(broker, 'mqtts'),
      ...trust,
      '-i',
      id,
      '-t',
      topic,
      '-q',
      '1',
      '-C',
      '3',
    ])
    const web = startIsomq([
      'sub',
      '-L',
      broker.urls['wss'] ?? '',
      ...trust,
      '-i',
      `${id}-web`,
      '-t',
      topic,
      '-q',
      '1',
      '-C',
      '3',
    ])
    await Promise.all([broker.subscribed(id), broker.subscribed(`${id}-web`)])
    const pub = (args: readonly string[]): Promise<{ code: number | null }> =>
      isomq(['pub', ...args, '-t', topic, '-q', '1'])
    expect((await pub(['-L', broker.urls['mqtts'] ?? '', ...trust, '-m', 'mqtts'])).code).toBe(0)
    expect((await pub(['-L', broker.urls['wss'] ?? '', ...trust, '-m', 'wss'])).code).toBe(0)
    expect((await pub(['-h', '127.0.0.1', '-p', portOf(broker, 'mqtts'), '--insecure', '-m', 'insecure'])).code).toBe(0)
    for (const sub of [tcp, web]) expect(await sub.exit()).toMatchObject({ code: 0, stdout: 'mqtts\nwss\ninsecure\n' })
    expect((await broker.stop()).code).toBe(0)
  })

  test('--capath, --tls-use-os-certs: other ways to say whom to trust', async () => {
    const broker = await serve()
    const { directory, key } = certificates()
    for (const scheme of ['mqtts', 'wss']) {
      const pub = ['pub', '-L', broker.urls[scheme] ?? '', '-t', 't', '-q', '1', '-m', 'x']
      expect(await isomq([...pub, '--capath', directory])).toMatchObject({ code: 0, stderr: '' })
      const system = await isomq([...pub, '--tls-use-os-certs'])
      expect([system.code, system.stderr]).toEqual([1, expect.stringMatching(/certificate is not trusted/)])
    }
    const none = await isomq(['pub', '--capath', temporaryDirectory(), '-t', 't', '-m', 'x', '-p', '1'])
    expect(none.stderr).toMatch(/^isomq: --capath \S+: there is no certificate in it\n$/)
    const wrong = await isomq(['pub', '--cert', key, '--key', key, '-t', 't', '-m', 'x', '-p', '1'])
    expect(wrong.stderr).toMatch(/^isomq: TLS cannot be set up as the flags say: [^\n]+\n$/)
    expect((await broker.stop()).code).toBe(0)
  })

  test('--tls-version, --ciphers, --tls-alpn: what the server is offered', async () => {
    const { key, cert, ca } = certificates()
    const shaken = new Inbox<unknown>()
    const files = { key: readFileSync(key), cert: readFileSync(cert) }
    const server = createServer({ ...files, maxVersion: 'TLSv1.2', ALPNProtocols: ['chat', 'mqtt'] }, (socket) => {
      shaken.put([socket.alpnProtocol, socket.getCipher().name, socket.getProtocol()])
      socket.on('error', () => undefined).destroy()
    }).listen(0, '127.0.0.1')
    server.on('tlsClientError', () => undefined)
    eachTest.add(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const pub = ['pub', '-h', '127.0.0.1', '-p', String(port), '--cafile', ca, '-t', 't', '-m', 'x']
    const cipher = 'ECDHE-ECDSA-CHACHA20-POLY1305'
    await isomq([...pub, '--tls-version', 'tlsv1.2', '--ciphers', cipher, '--tls-alpn', 'mqtt'])
    expect(await shaken.next()).toEqual(['mqtt', cipher, 'TLSv1.2'])
    const newer = await isomq([...pub, '--tls-version', 'tlsv1.3'])
    expect([newer.code, newer.stderr]).toEqual([1, expect.stringMatching(/^isomq: cannot connect to .*version/)])
    expect(shaken.all).toHaveLength(1)
  })

  test('MQTT.js over both', async () => {
    const broker = await serve()
    const ca = readFileSync(certificates().ca)
    for (const scheme of ['mqtts', 'wss']) {
      const topic = unique('tls')
      const { client, inbox } = await connectJs(broker.urls[scheme], { ca, protocolVersion: 5 })
      await client.subscribeAsync(topic, { qos: 2 })
      const payload = 'x'.repeat(900_000)
      await client.publishAsync(topic, payload, { qos: 2 })
      expect((await inbox.next()).text === payload).toBe(true)
    }
    expect((await broker.stop()).code).toBe(0)
  })

  test('who does not know the authority is told so', async () => {
    const broker = await serve()
    const { code, stderr } = await isomq(['pub', '-L', broker.urls['mqtts'] ?? '', '-t', 't', '-m', 'x'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^isomq: cannot connect to mqtts:\S+: .*certificate[^\n]*\n$/)
    expect((await broker.stop()).code).toBe(0)
  })

  test('with requestCert only those with a certificate come in', async () => {
    const broker = await serve(['--set', 'listeners.mqtts.requestCert=true', '--set', 'listeners.wss.requestCert=true'])
    const { ca, clientCert, clientKey } = certificates()
    for (const scheme of ['mqtts', 'wss']) {
      const pub = ['pub', '-L', broker.urls[scheme] ?? '', '--cafile', ca, '-t', 't', '-q', '1', '-m', 'x']
      expect((await isomq(pub)).code).toBe(1)
      expect(await isomq([...pub, '--cert', clientCert, '--key', clientKey])).toMatchObject({ code: 0, stderr: '' })
    }
    expect((await broker.stop()).code).toBe(0)
  })

  test('a handshake that hangs is ended, and plain MQTT on the TLS port', async () => {
    const broker = await serve(['--set', 'limits.connectTimeout=1s'])
    const port = Number(portOf(broker, 'mqtts'))
    const [silent, plain] = [new RawClient(port), new RawClient(port)]
    plain.send(Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, 0]))
    await Promise.all([silent.untilClosed(), plain.untilClosed()])
    const handshaken = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    handshaken.on('error', () => undefined)
    await within(
      new Promise((resolve) => handshaken.once('close', resolve).resume()),
      'a connection without CONNECT to be closed',
    )
    expect((await broker.stop()).code).toBe(0)
  })

  test('files that are missing or of no use: one line each, exit code 1', async () => {
    const { key, cert, ca } = certificates()
    const flags = (k: string, c: string): string[] => [
      '--mqtts',
      '127.0.0.1:0',
      '--set',
      `listeners.mqtts.key=${k}`,
      '--set',
      `listeners.mqtts.cert=${c}`,
    ]
    const missing = flags('/nowhere/k.pem', '/nowhere/c.pem')
    const lines =
      'isomq: listeners.mqtts.cert: /nowhere/c.pem does not exist\nisomq: listeners.mqtts.key: /nowhere/k.pem does not exist\n'
    for (const command of [
      ['serve', '--mqtt', '127.0.0.1:0', '--ws', 'off'],
      ['config', 'check'],
    ]) {
      const cwd = temporaryDirectory()
      expect(await isomq([...command, ...missing], { cwd })).toMatchObject({ code: 1, stdout: '', stderr: lines })
      const mixed = await isomq([...command, ...flags(key, ca)], { cwd })
      expect(mixed.code).toBe(1)
      expect(mixed.stderr).toMatch(/^isomq: listeners\.mqtts: certificate and key are of no use: [^\n]+\n$/)
      expect((await isomq([...command, '--mqtts', '127.0.0.1:0'], { cwd })).stderr).toBe(
        'isomq: --mqtts: listeners.mqtts.cert is required\nisomq: --mqtts: listeners.mqtts.key is required\n',
      )
    }
    expect((await isomq(['config', 'check', ...flags(key, cert)], { cwd: temporaryDirectory() })).code).toBe(0)
  })

  describeWith([mosquittoClients], 'mosquitto over TLS', () => {
    test.each(['mqttv311', 'mqttv5'])('%s: --cafile, and the name is checked', async (version) => {
      const broker = await serve()
      const [topic, id] = [unique('tls'), unique('sub')]
      const where = ['-h', 'localhost', '-p', portOf(broker, 'mqtts'), '--cafile', certificates().ca, '-V', version]
      const sub = start('mosquitto_sub', [...where, '-i', id, '-t', topic, '-q', '1', '-C', '1'])
      await broker.subscribed(id)
      await succeed('mosquitto_pub', [...where, '-t', topic, '-q', '1', '-m', 'over TLS'])
      expect((await sub.exit()).stdout).toBe('over TLS\n')
      expect((await broker.stop()).code).toBe(0)
    })
  })
})
