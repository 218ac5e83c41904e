import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto'
import { argon2id } from 'hash-wasm'
import { describe, expect, test } from 'vitest'
import { hashPassword, isArgon2, parseHash, readPasswordFile, verifyPassword } from '../src/index.ts'

// Argon2id is that of RFC 9106, PBKDF2 that of RFC 8018; both are computed here by other code than ours.

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const salt = randomBytes(12)
const pbkdf2 = (password: string, rounds = 101): string =>
  `$7$${rounds}$${salt.toString('base64')}$${pbkdf2Sync(password, salt, rounds, 64, 'sha512').toString('base64')}`
const sha512 = (password: string): string =>
  `$6$${salt.toString('base64')}$${createHash('sha512').update(password).update(salt).digest('base64')}`

describe.each([
  ['$7$', pbkdf2],
  ['$6$', sha512],
  ['$argon2id$', (password: string) => hashPassword(password)],
] as const)('%s', (_, make) => {
  test.each(['secret', 'pässwörd', 'with\0nul', ' ', 'x'.repeat(300)])('knows %j', async (password) => {
    const kept = parseHash(await make(password))!
    expect(await verifyPassword(bytes(password), kept)).toBe(true)
    for (const other of ['', `${password}\0`, password.slice(1), `${password}x`, 'Secret'])
      expect([other, await verifyPassword(bytes(other), kept)]).toEqual([other, false])
  })
})

test('what others have made of Argon2id is read', async () => {
  // As mosquitto 2.1 makes it.
  const options = { salt, memorySize: 47_104, iterations: 1, parallelism: 1, hashLength: 64, outputType: 'encoded' }
  const kept = parseHash(await argon2id({ password: 'secret', ...options } as Parameters<typeof argon2id>[0]))!
  expect(isArgon2(kept)).toBe(true)
  expect(await verifyPassword(bytes('secret'), kept)).toBe(true)
  expect(await verifyPassword(bytes('secrets'), kept)).toBe(false)
})

test('two hashes of one password are not the same', async () => {
  expect(await hashPassword('a')).not.toBe(await hashPassword('a'))
})

test.each([
  '',
  'secret',
  '$6$$',
  '$6$AAAA$AAAA',
  '$5$AAAA$AAAA',
  '$7$0$AAAA$AAAA',
  `$7$99999999999$${salt.toString('base64')}$${'A'.repeat(86)}==`,
  '$7$101$A*A$AAAA',
  '$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  '$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  '$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  `x${sha512('a')}`,
])('is no hash: %j', (text) => {
  expect(parseHash(text)).toBeUndefined()
})

describe('a password file', () => {
  test('has a line for each user, the last one too', () => {
    const text = `# ours\n\nann:${sha512('a')}\r\nbob smith:${pbkdf2('b')}\n__proto__:${sha512('c')}`
    const { users, faults } = readPasswordFile(text)
    expect(faults).toEqual([])
    expect(Array.from(users, ([name, { kind }]) => [name, kind])).toEqual([
      ['ann', 'sha512'],
      ['bob smith', 'pbkdf2'],
      ['__proto__', 'sha512'],
    ])
    expect(users.get('constructor')).toBeUndefined()
  })

  test('makes no user of a line that is wrong', () => {
    const { users, faults } = readPasswordFile(
      `ann\n:${sha512('a')}\nbob:\ncid:plain\ndan:${sha512('d')}\ndan:${sha512('e')}\n`,
    )
    expect(Array.from(users.keys())).toEqual(['dan'])
    expect(faults.map(({ line }) => line)).toEqual([1, 2, 3, 4, 6])
    expect(faults[0]!.message).toMatch(/name:hash/)
    // What a line holds may be a password that somebody has put there by mistake.
    expect(JSON.stringify(faults)).not.toContain('plain')
  })
})
