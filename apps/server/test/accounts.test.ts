import { formatVerifier, makeVerifier } from '@isomq/auth-scram'
import { expect, test, vi } from 'vitest'
import { run } from '../src/cli.ts'
import { load, refusals } from './config-dir.ts'

const verifier = formatVerifier(makeVerifier('pencil', { salt: Uint8Array.of(1, 2, 3) }))

function users(...list: unknown[]): { files: Record<string, string> } {
  return { files: { 'isomq.config.json': JSON.stringify({ authentication: { scram: { users: list } } }) } }
}

test('users are named as SASLprep has them, with what their verifiers say', async () => {
  const { config } = await load(users({ username: 'ann\u00ad', verifier }, { username: '\u2168', verifier }))
  const [ann, nine] = config.authentication.scram.users
  expect([ann?.username, nine?.username, ann && formatVerifier(ann.verifier)]).toEqual(['ann', 'IX', verifier])
})

const where = 'isomq.config.json:1: authentication.scram.users'
test.each([
  [
    'a password',
    [{ username: 'ann', verifier: 'pencil' }],
    `${where}.0.verifier must be a verifier as \`isomq passwd --scram\` prints it`,
  ],
  [
    'a broken verifier',
    [{ username: 'ann', verifier: verifier.slice(1) }],
    `${where}.0.verifier must be a verifier as \`isomq passwd --scram\` prints it`,
  ],
  [
    'a verifier that is no text',
    [{ username: 'ann', verifier: 12345 }],
    `${where}.0.verifier must be a verifier as \`isomq passwd --scram\` prints it`,
  ],
  ['no verifier', [{ username: 'ann' }], `${where}.0.verifier is required`],
  [
    'a password beside it',
    [{ username: 'ann', verifier, password: 'pencil' }],
    `${where}.0.password must have a username and a verifier, and nothing else`,
  ],
  ['a text for a user', ['pencil'], `${where}.0 must have a username and a verifier, and nothing else`],
  ['no name', [{ username: '\u00ad', verifier }], `${where}.0.username must have at least one character`],
  [
    'a user twice',
    [
      { username: 'ann', verifier },
      { username: 'bob', verifier },
      { username: 'ann\u00ad', verifier },
    ],
    `${where} has "ann" more than once`,
  ],
])('%s is refused by file and key, and not shown', async (_, list, line) => {
  const lines = await refusals(users(...list))
  expect(lines).toEqual([line])
})

test.each(['authentication', 'authentication.scram', 'authentication.scram.users'])(
  'what stands for %s is not shown',
  async (key) => {
    const lines = await refusals({ flags: { set: [`${key}=pencil`] } })
    expect(lines.length).toBe(1)
    expect(lines[0]).toMatch(new RegExp(`^--set: ${key} `))
    expect(lines[0]).not.toContain('pencil')
  },
)

test.each([[[]], [['--json']]])('config print %j names the users and shows no verifier', async (flags) => {
  let out = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true))
  const set = `authentication.scram.users=${JSON.stringify([{ username: 'ann', verifier }])}`
  expect(await run(['config', 'print', '--set', set, ...flags])).toBe(0)
  vi.restoreAllMocks()
  expect(out).toContain('ann')
  expect(out).toContain('(hidden)')
  for (const part of verifier.split(/[$:]/).slice(2)) expect(out).not.toContain(part)
})
