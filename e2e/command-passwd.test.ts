import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { expect, test } from 'vitest'
import { bin, isomq, plainEnv } from './support/isomq.ts'
import { describeWith, script } from './support/peers.ts'
import { start, type Process } from './support/process.ts'

/** The verifier of a password, on Node's own cryptography. */
function verifierOf(password: string, salt: string, rounds: number): string {
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), rounds, 32, 'sha256')
  const key = (name: string): Buffer => createHmac('sha256', salted).update(name).digest()
  const storedKey = createHash('sha256').update(key('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${rounds}:${salt}$${storedKey}:${key('Server Key').toString('base64')}`
}

/** What an entry says must follow from the password. */
function expectEntry(line: string, username: string, password: string, rounds: number = 4096): void {
  expect(line).toMatch(/^\{.*\}\r?\n$/)
  const entry = JSON.parse(line) as { username: string; verifier: string }
  const [, salt = ''] = /:([\w+/]{22}==)\$/.exec(entry.verifier) ?? []
  expect(entry).toEqual({ username, verifier: verifierOf(password, salt, rounds) })
}

test.each([
  ['a line', 'pencil\n', 'pencil'],
  ['a line of Windows', 'pencil\r\n', 'pencil'],
  ['a line without an end', ' pen cil', ' pen cil'],
  ['the first of two lines', 'pencil\nrubber\n', 'pencil'],
])('%s on stdin is the password', async (_, stdin, password) => {
  const { code, stdout, stderr } = await isomq(['passwd', '--scram', 'ann'], { stdin })
  expect([code, stderr]).toEqual([0, ''])
  expectEntry(stdout, 'ann', password)
})

test('more rounds, and a new salt each time', async () => {
  const args = ['passwd', '--scram', 'ann', '--iterations', '10000']
  const [one, two] = [await isomq(args, { stdin: 'pencil' }), await isomq(args, { stdin: 'pencil' })]
  expectEntry(one.stdout, 'ann', 'pencil', 10_000)
  expect(one.stdout).not.toBe(two.stdout)
})

test.each([
  [['passwd', '--scram', 'ann'], '', 'isomq: the password is empty\n'],
  [['passwd', '--scram', 'ann'], '\npencil', 'isomq: the password is empty\n'],
  [['passwd', '--scram', 'ann'], Uint8Array.of(0xff, 10), 'isomq: the password is not UTF-8\n'],
  [['passwd', '--scram', ''], 'pencil', 'isomq: --scram: the user name is empty\n'],
  [['passwd'], 'pencil', 'isomq: name a file and a user, or use --scram\n'],
  [['passwd', 'none'], 'pencil', 'isomq: name a user behind the file\n'],
  [['passwd', 'none', 'ann'], 'pencil', 'isomq: none does not exist; -c makes it\n'],
  [['passwd', '-c', 'none', 'a:b'], 'pencil', 'isomq: a user name is not empty, and has no colon\n'],
  [['passwd', '-c', 'none', 'ann', 'pw'], '', 'isomq: with a password on the command line, say -b\n'],
  [['passwd', '-c', '-b', 'none', 'ann'], '', 'isomq: -b takes a password behind the user\n'],
  [['passwd', '-c', 'none', 'ann'], '\n', 'isomq: the password is empty\n'],
  [['passwd', '-U', 'none'], '', 'isomq: none does not exist\n'],
  [
    ['passwd', '--scram', 'ann', '--iterations', '1000'],
    'pencil',
    "isomq: option '--iterations <count>' argument '1000' is invalid. It must be a whole number from 4096 to 10000000.\n",
  ],
])('%j with %j is refused in one line', async (args, stdin, line) => {
  expect(await isomq(args, { stdin })).toMatchObject({ code: 1, stdout: '', stderr: line })
})

describeWith([script], 'at a terminal', () => {
  const terminal = (): Process => {
    const command = `'${process.execPath}' '${bin}' passwd --scram ann`
    return start('script', ['-qefc', command, '/dev/null'], { env: plainEnv(), typing: true })
  }

  test('the password is asked for twice, and not shown', async () => {
    const passwd = terminal()
    await passwd.until('stdout', /Password for "ann": $/)
    passwd.write('pencill\u007f\r')
    await passwd.until('stdout', /Once more: $/)
    passwd.write('pencil\r')
    const { code, stdout } = await passwd.exit()
    expect([code, stdout.includes('pencil')]).toEqual([0, false])
    expectEntry(stdout.slice(stdout.indexOf('{')), 'ann', 'pencil')
  })

  test('two passwords that differ are refused', async () => {
    const passwd = terminal()
    await passwd.until('stdout', /Password for "ann": $/)
    passwd.write('pencil\r')
    await passwd.until('stdout', /Once more: $/)
    passwd.write('pencils\r')
    const { code, stdout } = await passwd.exit()
    expect([code, stdout.endsWith('isomq: the two passwords are not the same\r\n')]).toEqual([1, true])
  })

  test('Ctrl-C and Ctrl-D end it', async () => {
    for (const [key, exit] of [
      ['\u0003', 130],
      ['\u0004', 1],
    ] as const) {
      const passwd = terminal()
      await passwd.until('stdout', /Password for "ann": $/)
      passwd.write(key)
      expect((await passwd.exit()).code).toBe(exit)
    }
  })
})
