import { hashPassword } from '@isomq/auth-password'
import { fakeClock } from '@isomq/testkit'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createHmac } from 'node:crypto'
import { Failures } from '../src/access/failures.ts'
import { UserError } from '../src/user-error.ts'
import { afterwards, connect, folderWith, outcome, start } from './access-harness.ts'

const [ann, bob] = [await hashPassword('secret'), await hashPassword('geheim')]
const as = (username?: string, password?: string, more: object = {}): { clientId: string } => ({
  clientId: `c-${username}`,
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password: Buffer.from(password) }),
  ...more,
})
const message = (topic: string, more: object = {}): never =>
  ({ topic, payload: Buffer.from('x'), qos: 1, retain: false, ...more }) as never
const badPassword = expect.stringContaining('0x86') as string
const until = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

const secret = 'x'.repeat(32)
function token(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

describe('a password file', () => {
  test('lets in who has the password, over every listener and in every version, and nobody else', async () => {
    const folder = folderWith({ passwords: `ann:${ann}\n` })
    const { url, wsUrl } = await start({ 'authentication.passwordFile': join(folder, 'passwords') })
    for (const [each, protocolVersion] of [
      [url, 5],
      [wsUrl, 4],
    ] as const) {
      const bad = protocolVersion === 5 ? badPassword : (expect.stringMatching(/bad user name or password/i) as string)
      expect(await outcome(each, as('ann', 'secret', { protocolVersion }))).toBe('in')
      expect(await outcome(each, as('ann', 'Secret', { protocolVersion }))).toEqual(bad)
      expect(await outcome(each, as('ann', 'secret\0', { protocolVersion }))).toEqual(bad)
      expect(await outcome(each, as('ann', undefined, { protocolVersion }))).toEqual(bad)
      expect(await outcome(each, as('ann', '', { protocolVersion }))).toEqual(bad)
      // From here on the address has to wait: it begins anew.
      expect(await outcome(each, as('ann', 'secret', { protocolVersion }))).toBe('in')
      expect(await outcome(each, as('eve', 'secret', { protocolVersion }))).toEqual(bad)
      expect(await outcome(each, as(undefined, undefined, { protocolVersion }))).toEqual(bad)
      expect(await outcome(each, as('constructor', 'secret', { protocolVersion }))).toEqual(bad)
      expect(await outcome(each, as('ann', 'secret', { protocolVersion }))).toBe('in')
    }
  })

  test('and `allowAnonymous` lets in those without a name as well, but no wrong name', async () => {
    const folder = folderWith({ passwords: `ann:${ann}` })
    const { url } = await start({ 'authentication.passwordFile': join(folder, 'passwords'), allowAnonymous: true })
    expect(await outcome(url, as())).toBe('in')
    expect(await outcome(url, as('ann', 'wrong'))).toEqual(badPassword)
    expect(await outcome(url, as('eve'))).toEqual(badPassword)
  })

  test('is read anew: who is gone or has another password is cut off, who has not stays', async () => {
    const folder = folderWith({ passwords: `ann:${ann}\nbob:${bob}\n` })
    const file = join(folder, 'passwords')
    const { url, server } = await start({ 'authentication.passwordFile': file })
    const [first, second] = [await connect(url, as('ann', 'secret')), await connect(url, as('bob', 'geheim'))]
    writeFileSync(file, `bob:${bob}\n# nobody else`)
    await server.reload()
    expect((await first.client.closed)?.message).toContain('0x87')
    await second.client.publish(message('a'))
    expect(await outcome(url, as('ann', 'secret'))).toEqual(badPassword)
    // What is wrong changes nothing.
    writeFileSync(file, 'bob:plain\n')
    const fault = `authentication.passwordFile: ${file}:1: has no hash behind "bob" that is known: $argon2id$, $7$ or $6$`
    await expect(server.reload()).rejects.toMatchObject({ lines: [fault] })
    await second.client.publish(message('a'))
    expect(await outcome(url, as('bob', 'geheim', { clientId: 'another' }))).toBe('in')
    writeFileSync(file, `bob:${ann}\n`)
    await server.reload()
    expect((await second.client.closed)?.message).toContain('0x87')
  })

  test('that is of no use keeps the server from starting', async () => {
    const folder = folderWith({ passwords: 'ann\nbob:x', acl: 'topic\nuser\n' })
    const keys = { 'authentication.passwordFile': join(folder, 'passwords'), 'authorization.file': join(folder, 'acl') }
    const error = await start(keys).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(UserError)
    expect((error as UserError).lines).toEqual([
      `authentication.passwordFile: ${folder}/passwords:1: must be name:hash, as isomq passwd or mosquitto_passwd writes it`,
      `authentication.passwordFile: ${folder}/passwords:2: has no hash behind "bob" that is known: $argon2id$, $7$ or $6$`,
      `authorization.file: ${folder}/acl:1: topic has no filter`,
      `authorization.file: ${folder}/acl:2: user has no name`,
    ])
    await expect(start({ 'authentication.passwordFile': join(folder, 'none') })).rejects.toThrow('does not exist')
  })
})

test('rules of a file are read anew, and count for those who are subscribed already', async () => {
  const folder = folderWith({ 'rules.yaml': '- { effect: allow, publish: "#", subscribe: "#" }\n' })
  const file = join(folder, 'rules.yaml')
  const { url, server } = await start({ 'authorization.file': file })
  const reader = await connect(url, { clientId: 'reader' })
  await reader.client.subscribe([{ topic: '#', qos: 1 }])
  const writer = await connect(url, { clientId: 'writer' })
  await writer.client.publish(message('a'))
  await writer.client.publish(message('b'))
  writeFileSync(file, '- { effect: deny, subscribe: a }\n- { effect: allow, publish: a, subscribe: "#" }\n')
  await server.reload()
  await writer.client.publish(message('a'))
  await expect(writer.client.publish(message('b'))).rejects.toThrow('0x87')
  writeFileSync(file, '- { effect: allow, publish: "c" }\n- { effect: perhaps }\n')
  await expect(server.reload()).rejects.toMatchObject({
    lines: [expect.stringMatching(/rules\.yaml:2: rule 2: effect must be/)],
  })
  writeFileSync(file, '- { effect: allow, publish: "#", subscribe: "#" }\n')
  await server.reload()
  await writer.client.publish(message('c'))
  await vi.waitFor(() => expect(reader.heard).toEqual(['a x', 'b x', 'c x']))
})

describe('a token', () => {
  test('says who it is, what may be done, and until when', async () => {
    const folder = folderWith({ secret: `${secret}\n` })
    const { url } = await start({
      'authentication.jwt.secretFile': join(folder, 'secret'),
      'authentication.jwt.algorithms': ['HS256'],
      'authentication.jwt.clockTolerance': 0,
      'authorization.rules': [{ effect: 'allow', users: ['ann'], subscribe: ['all/#'] }],
      sys: { interval: 100 },
    })
    const acl = [{ effect: 'allow', publish: ['own/%u'] }]
    const { client } = await connect(url, as('whoever', token({ sub: 'ann', acl })))
    await client.publish(message('own/ann'))
    await expect(client.publish(message('own/whoever'))).rejects.toThrow('0x87')
    expect(
      await client.subscribe([
        { topic: 'all/#', qos: 0 },
        { topic: '$SYS/#', qos: 0 },
      ]),
    ).toEqual([0, 0x87])
    const admin = await connect(url, as('a', token({ sub: 'ann', admin: true })))
    expect(await admin.client.subscribe([{ topic: '$SYS/#', qos: 0 }])).toEqual([0])

    expect(await outcome(url, as('b', token({ sub: 'ann', exp: until(-1) })))).toEqual(badPassword)
    expect(await outcome(url, as('b', token({ sub: 'ann', acl: [{ effect: 'maybe' }] })))).toEqual(badPassword)
    expect(await outcome(url, as('b', 'secret'))).toEqual(badPassword)
    // The session ends with it: 0x87.
    const short = await connect(url, as('c', token({ sub: 'ann', exp: until(2) })))
    expect((await short.client.closed)?.message).toContain('0x87')
    const old = await connect(url, as('d', token({ sub: 'ann', exp: until(2) }), { protocolVersion: 4 }))
    await old.client.closed
    await client.publish(message('own/ann'))
  })

  test('with keys that make no sense keeps the server from starting', async () => {
    const folder = folderWith({ secret: 'short', key: 'x' })
    for (const [keys, text] of [
      [{ secretFile: join(folder, 'secret'), algorithms: ['HS256'] }, /32 bytes/],
      [{ secretFile: join(folder, 'secret') }, /HS/],
      [{ publicKeyFile: join(folder, 'key') }, /authentication\.jwt/],
      [{ secretFile: join(folder, 'none'), algorithms: ['HS256'] }, /no such file/],
    ] as const)
      await expect(start({ 'authentication.jwt': keys })).rejects.toThrow(text)
  })
})

describe('a program that is asked over HTTP', () => {
  async function hook(answer: (question: Record<string, string>) => { status?: number; body?: unknown } | 'silence') {
    const asked: Record<string, string>[] = []
    const server = createServer((request: IncomingMessage, response) => {
      let text = ''
      request
        .on('data', (part: Buffer) => (text += part.toString()))
        .on('end', () => {
          const question = JSON.parse(text) as Record<string, string>
          asked.push(question)
          const reply = answer(question)
          if (reply === 'silence') return
          const { status = 200, body } = reply
          response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
        })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    afterwards(() => {
      server.closeAllConnections()
      server.close()
    })
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`, asked }
  }

  test('says who comes in, and with which rights', async () => {
    const { url, asked } = await hook(({ username }) => ({
      body:
        username === 'ann'
          ? { result: 'allow', is_admin: true, acl: [{ effect: 'allow', publish: ['a'] }] }
          : { result: username === 'bob' ? 'deny' : 'ignore' },
    }))
    const server = await start({
      'authentication.http.url': url,
      'authentication.http.cache': '1m',
      'authorization.rules': [{ effect: 'deny', publish: ['#'] }],
    })
    const { client } = await connect(server.url, as('ann', 'pw'))
    await client.publish(message('a'))
    await expect(client.publish(message('b'))).rejects.toThrow('0x87')
    expect(asked).toMatchObject([
      { clientid: 'c-ann', username: 'ann', password: 'pw', peerhost: '127.0.0.1', transport: 'tcp' },
    ])
    expect(await outcome(server.url, as('ann', 'pw'))).toBe('in')
    expect(asked).toHaveLength(1)
    expect(await outcome(server.url, as('ann', 'other'))).toBe('in')
    expect(asked).toHaveLength(2)
    expect(await outcome(server.url, as('bob', 'pw'))).toEqual(badPassword)
    expect(await outcome(server.url, as('cid', 'pw'))).toEqual(badPassword)
  })

  test('that fails lets nobody in', async () => {
    const answers: { status?: number; body?: unknown }[] = [
      { status: 500 },
      { status: 302 },
      { body: 'no JSON' },
      { body: {} },
      { body: { result: 'yes' } },
      { body: { result: 'allow', acl: 'all' } },
    ]
    const { url } = await hook(() => answers.shift() ?? 'silence')
    const server = await start({ 'authentication.http.url': url, 'authentication.http.timeout': '200ms' })
    for (let n = 0; n < 8; n++) expect(await outcome(server.url, as(`u${n}`, 'pw'))).not.toBe('in')
    const nowhere = await start({ 'authentication.http.url': 'http://127.0.0.1:1/' })
    expect(await outcome(nowhere.url, as('ann', 'pw'))).toContain('0x88')
  })
})

test('whoever guesses is slowed down, and not whoever knows', async () => {
  const folder = folderWith({ passwords: `ann:${ann}` })
  const { url } = await start({ 'authentication.passwordFile': join(folder, 'passwords') })
  const answers = []
  for (let n = 0; n < 8; n++) answers.push(await outcome(url, as('ann', `guess ${n}`)))
  expect(answers.slice(0, 5).every((each) => each.includes('0x86'))).toBe(true)
  expect(answers.slice(5).every((each) => each.includes('0x9f'))).toBe(true)
})

describe('failures', () => {
  test('double the wait, and are forgotten', () => {
    const clock = fakeClock()
    const failures = new Failures(clock)
    const isFree = (address: string, user = 'ann'): boolean => {
      try {
        failures.check(address, user)
        return true
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate-exceeded' })
        return false
      }
    }
    for (let n = 0; n < 5; n++) {
      expect(isFree('a')).toBe(true)
      failures.failed('a', 'ann')
    }
    for (const wait of [1000, 2000, 4000]) {
      expect(isFree('a')).toBe(false)
      clock.advance(wait - 1)
      expect(isFree('a')).toBe(false)
      clock.advance(1)
      expect(isFree('a')).toBe(true)
      failures.failed('a', 'ann')
    }
    // Elsewhere nobody has failed.
    expect(isFree('b')).toBe(true)
    clock.advance(400_000)
    failures.succeeded('a')
    expect(isFree('a')).toBe(true)
  })

  test('of one user from many addresses slow down those addresses, and not where nobody has failed', () => {
    const clock = fakeClock()
    const failures = new Failures(clock)
    for (let n = 0; n < 30; n++) failures.failed(`10.0.0.${n}`, 'ann')
    expect(() => failures.check('10.0.0.1', 'ann')).toThrow()
    expect(() => failures.check('10.0.0.1', 'bob')).not.toThrow()
    expect(() => failures.check('192.0.2.1', 'ann')).not.toThrow()
  })

  test('take no more than their room', () => {
    const clock = fakeClock()
    const failures = new Failures(clock)
    for (let n = 0; n < 5; n++) failures.failed('first', undefined)
    for (let n = 0; n < 25_000; n++) failures.failed(`a${n}`, `u${n}`)
    expect(() => failures.check('first', undefined)).not.toThrow()
  })
})
