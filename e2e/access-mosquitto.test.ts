import { execFile } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { isomq } from './support/isomq.ts'
import { mosquittoPub, startMosquitto } from './support/mosquitto.ts'
import { connectJs } from './support/mqtt-js.ts'
import { describeWith, mosquittoBroker, mosquittoClients } from './support/peers.ts'
import { succeed } from './support/process.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'

// Files of mosquitto, unchanged: those that its own program makes, and the same rules at both brokers.

describeWith([mosquittoBroker, mosquittoClients], 'files of mosquitto', () => {
  test('mosquitto_passwd makes what we read, and isomq passwd what does the same', async () => {
    const file = join(temporaryDirectory(), 'passwords')
    await succeed('mosquitto_passwd', ['-b', '-c', file, 'ann', 'secret'])
    const old = join(temporaryDirectory(), 'old')
    writeFileSync(old, 'bob:geheim\n')
    await succeed('mosquitto_passwd', ['-U', old])
    writeFileSync(file, `${readFileSync(file, 'utf8')}${readFileSync(old, 'utf8')}`)
    expect((await isomq(['passwd', '-b', file, 'cid', 'sésame'])).code).toBe(0)
    expect((await isomq(['passwd', file, 'dan'], { stdin: 'typed\n' })).code).toBe(0)
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/^ann:\$[67]\$.+\nbob:\$[67]\$.+\ncid:\$argon2id\$v=19\$.+\ndan:\$argon2id\$.+\n$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)

    const broker = await startBroker(['--set', `authentication.passwordFile=${file}`])
    const args = (user: string, password: string): string[] => [
      '-u',
      user,
      '-P',
      password,
      '-t',
      'a',
      '-m',
      'x',
      '-q',
      '1',
    ]
    for (const [user, password] of [
      ['ann', 'secret'],
      ['bob', 'geheim'],
      ['cid', 'sésame'],
      ['dan', 'typed'],
    ] as const)
      await mosquittoPub(broker.port, args(user, password))
    const attempt = promisify(execFile)('mosquitto_pub', [
      '-h',
      '127.0.0.1',
      '-p',
      String(broker.port),
      ...args('ann', 'no'),
    ])
    await expect(attempt).rejects.toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/bad user name or password|not authori[sz]ed/i),
    })

    // Deleted, and read anew on SIGHUP: gone at once.
    const client = await connectJs(broker.urls['mqtt'], { username: 'cid', password: 'sésame', reconnectPeriod: 0 })
    const closed = new Promise((resolve) => client.client.once('close', () => resolve('closed')))
    expect((await isomq(['passwd', '-D', file, 'cid'])).code).toBe(0)
    broker.process.kill('SIGHUP')
    expect(await closed).toBe('closed')
    expect((await broker.stop()).code).toBe(0)
  })

  test('an acl_file says the same at both brokers', async () => {
    const lines = [
      'topic read open/#',
      'topic write inbox',
      'user ann',
      'topic a/#',
      'topic deny a/secret/#',
      'topic deny a/+/x',
      'topic write b/+/c',
      'user bob smith',
      'topic readwrite #',
      'topic deny a',
      'pattern read own/%c/#',
      'pattern write own/%c/%u',
      'pattern deny own/%c/hidden',
    ]
    const acl = join(temporaryDirectory(), 'acl')
    writeFileSync(acl, `# rules\n\n${lines.join('\n')}`)
    const theirs = await startMosquitto(eachTest, ['user root', `acl_file ${acl}`])
    const ours = await startBroker(['--set', `authorization.file=${acl}`, '--allow-anonymous'])
    const topics = [
      'open', 'open/1', 'inbox', 'a', 'a/1', 'a/secret', 'a/secret/1', 'a/1/x', 'b/1/c', 'b/1/d', 'other',
      'own/c1/x', 'own/c1/ann', 'own/c1/hidden', 'own/c2/x', 'own/c1', 'own',
    ] // prettier-ignore
    const who = [
      ['c1', undefined],
      ['c1', 'ann'],
      ['c2', 'bob smith'],
      ['c1', 'eve'],
      ['+', 'ann'],
    ] as const
    const outcome = async (port: number, [clientId, username]: (typeof who)[number]): Promise<string[]> => {
      const url = `mqtt://127.0.0.1:${port}`
      const options = { protocolVersion: 4, clientId, ...(username === undefined ? {} : { username }) } as const
      // What it may write reaches somebody who may read all; what it may read comes from there.
      const root = await connectJs(url, { protocolVersion: 4, clientId: 'root', username: 'bob smith' })
      await root.client.subscribeAsync('#', { qos: 1 })
      const client = await connectJs(url, options)
      const filters = ['#', ...topics]
      for (const filter of filters) await client.client.subscribeAsync(filter, { qos: 1 }).catch(() => undefined)
      for (const topic of topics) await client.client.publishAsync(topic, 'from client', { qos: 1 })
      for (const topic of topics) await root.client.publishAsync(topic, 'from root', { qos: 1 })
      await root.client.publishAsync('end', 'end', { qos: 1 })
      const both = [client, root]
      while (!root.inbox.all.some(({ topic }) => topic === 'end'))
        await new Promise((resolve) => void setTimeout(resolve, 20))
      await new Promise((resolve) => void setTimeout(resolve, 200))
      const heard = both.map(({ inbox }, i) =>
        inbox.all
          .filter(({ text }) => text === ['from root', 'from client'][i])
          .map(({ topic }) => `${['reads', 'writes'][i]} ${topic}`),
      )
      for (const each of both) await each.client.endAsync()
      return Array.from(new Set(heard.flat())).sort()
    }
    for (const each of who) {
      const [theirAnswer, ourAnswer] = [await outcome(theirs.port, each), await outcome(ours.port, each)]
      expect([each, ourAnswer]).toEqual([each, theirAnswer])
    }
    await ours.stop()
  })
})

test('a configuration is checked with the files that it names', async () => {
  const folder = temporaryDirectory()
  writeFileSync(join(folder, 'passwords'), 'ann\n')
  writeFileSync(join(folder, 'acl'), 'user\n')
  const set = ['--set', 'authentication.passwordFile=passwords', '--set', 'authorization.file=acl']
  expect(await isomq(['config', 'check', ...set], { cwd: folder })).toMatchObject({
    code: 1,
    stderr: [
      'isomq: authentication.passwordFile: passwords:1: must be name:hash, as isomq passwd or mosquitto_passwd writes it',
      'isomq: authorization.file: acl:1: user has no name',
      '',
    ].join('\n'),
  })
})
