import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwtAuthenticator, type JwtIdentity, jwtVerifier } from '../src/index.ts'

// RFC 7519 and its family; tokens are signed with jose, by keys that are made here.

const secret = new Uint8Array(32).fill(7)
const sign = (claims: JWTPayload, alg = 'HS256', key: Parameters<SignJWT['sign']>[0] = secret): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key)
const now = (): number => Math.floor(Date.now() / 1000)
const refused = { code: 'not-authenticated' }

describe('a token', () => {
  test('says who it is, until when, and what may be done', async () => {
    const verify = await jwtVerifier({ secret, algorithms: ['HS256'] })
    const exp = now() + 60
    const acl = [{ effect: 'allow', publish: ['a'] }]
    expect(await verify(await sign({ sub: 'ann', exp, admin: true, acl }))).toEqual({
      username: 'ann',
      admin: true,
      until: exp * 1000,
      acl,
    })
    expect(await verify(await sign({ sub: 'bob', admin: 'true' }))).toEqual({
      username: 'bob',
      admin: false,
      until: undefined,
      acl: undefined,
    })
  })

  test('may have other claims for that', async () => {
    const verify = await jwtVerifier({
      secret,
      algorithms: ['HS256'],
      usernameClaim: 'name',
      aclClaim: 'r',
      adminClaim: 'root',
    })
    expect(await verify(await sign({ name: 'ann', root: true, r: 1 }))).toMatchObject({
      username: 'ann',
      admin: true,
      acl: 1,
    })
  })

  test('is refused where it is not what was asked for', async () => {
    const verify = await jwtVerifier({
      secret,
      algorithms: ['HS256'],
      issuer: 'us',
      audience: 'mqtt',
      clockTolerance: 5,
    })
    const good = { sub: 'ann', iss: 'us', aud: 'mqtt', exp: now() + 60 }
    expect((await verify(await sign(good))).username).toBe('ann')
    expect((await verify(await sign({ ...good, exp: now() - 2 }))).username).toBe('ann')
    const wrong: [string, string | Promise<string>][] = [
      ['expired', sign({ ...good, exp: now() - 10 })],
      ['not yet', sign({ ...good, nbf: now() + 60 })],
      ['another issuer', sign({ ...good, iss: 'them' })],
      ['another audience', sign({ ...good, aud: 'http' })],
      ['no issuer', sign({ sub: 'ann', aud: 'mqtt' })],
      ['another key', sign(good, 'HS256', new Uint8Array(32))],
      ['another algorithm', sign(good, 'HS512')],
      ['no signature', new UnsecuredJWT(good).encode()],
      ['no user', sign({ iss: 'us', aud: 'mqtt' })],
      ['an empty user', sign({ ...good, sub: '' })],
      ['a user that is no text', sign({ ...good, sub: 5 as unknown as string })],
      ['nothing', ''],
      ['garbage', 'a.b.c'],
    ]
    for (const [name, token] of wrong)
      expect([name, await verify(await token).catch((error: unknown) => error)]).toEqual([
        name,
        expect.objectContaining(refused),
      ])
  })

  test('that was changed is refused', async () => {
    const verify = await jwtVerifier({ secret, algorithms: ['HS256'] })
    const [head, , signature] = (await sign({ sub: 'ann' })).split('.')
    const body = Buffer.from('{"sub":"root"}').toString('base64url')
    await expect(verify(`${head}.${body}.${signature}`)).rejects.toMatchObject(refused)
  })
})

describe.each(['RS256', 'ES256', 'EdDSA'] as const)('%s', (alg) => {
  test('by a public key, and never by that as a secret', async () => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const pem = await exportSPKI(publicKey)
    const verify = await jwtVerifier({ publicKey: pem, algorithms: [alg] })
    expect((await verify(await sign({ sub: 'ann' }, alg, privateKey))).username).toBe('ann')
    await expect(verify(await sign({ sub: 'ann' }, 'HS256', new TextEncoder().encode(pem)))).rejects.toMatchObject(
      refused,
    )
  })
})

test('keys that are published are fetched once, and looked for again when a token names a new one', async () => {
  const pairs = await Promise.all(
    ['one', 'two'].map(async (kid) => Object.assign(await generateKeyPair('ES256', { extractable: true }), { kid })),
  )
  let [published, requests] = [1, 0]
  const server = createServer((_, response) => {
    requests++
    void Promise.all(
      pairs.slice(0, published).map(async ({ kid, publicKey }) => Object.assign(await exportJWK(publicKey), { kid })),
    ).then((keys) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys })))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    const jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    const verify = await jwtVerifier({ jwks, algorithms: ['ES256'] })
    const by = (i: number): Promise<string> =>
      new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'ES256', kid: pairs[i]!.kid }).sign(pairs[i]!.privateKey)
    for (let n = 0; n < 3; n++) expect((await verify(await by(0))).username).toBe('ann')
    expect(requests).toBe(1)
    // Within its cool-down it is not asked again for every stranger.
    await expect(verify(await by(1))).rejects.toMatchObject(refused)
    expect(requests).toBe(1)
    published = 2
    const anew = await jwtVerifier({ jwks, algorithms: ['ES256'] })
    expect((await anew(await by(1))).username).toBe('ann')
  } finally {
    server.close()
  }
})

test('keys that cannot be had are not the client’s fault', async () => {
  const verify = await jwtVerifier({ jwks: 'http://127.0.0.1:1/keys', algorithms: ['ES256'] })
  const { privateKey } = await generateKeyPair('ES256')
  await expect(verify(await sign({ sub: 'ann' }, 'ES256', privateKey))).rejects.toMatchObject({ code: 'unavailable' })
})

test.each([
  [{ algorithms: [] as const, secret }, /no algorithm/],
  [{ algorithms: ['HS256'] as const }, /one of/],
  [{ algorithms: ['HS256'] as const, secret, jwks: 'http://a' }, /one of/],
  [{ algorithms: ['RS256'] as const, secret }, /HS/],
  [{ algorithms: ['HS256', 'RS256'] as const, secret }, /HS/],
  [{ algorithms: ['HS256'] as const, publicKey: 'x' }, /HS/],
  [{ algorithms: ['HS256'] as const, secret: new Uint8Array(31) }, /32 bytes/],
])('options that make no sense are refused: %j', async (options, message) => {
  await expect(jwtVerifier(options)).rejects.toThrow(message)
})

test('AUTH packets may bring it', async () => {
  const proven: JwtIdentity[] = []
  const { method, begin } = jwtAuthenticator(await jwtVerifier({ secret, algorithms: ['HS256'] }), (who) =>
    proven.push(who),
  )
  expect(method).toBe('JWT')
  const credentials = { clientId: 'c', peer: { transport: 'memory', secure: true } }
  const token = new TextEncoder().encode(await sign({ sub: 'ann', exp: now() + 9 }))
  expect(await begin(credentials).respond(token)).toEqual({ type: 'accepted', username: 'ann' })
  expect(proven).toMatchObject([{ username: 'ann' }])
  await expect(begin(credentials).respond(undefined)).rejects.toMatchObject(refused)
  await expect(begin(credentials).respond(Uint8Array.of(255))).rejects.toMatchObject(refused)
})
