import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { mosquittoPub, mosquittoSub, startMosquitto, startMosquittoSub } from './support/mosquitto.ts'
import { describeWith, mosquittoBroker, mosquittoClients } from './support/peers.ts'
import { start, type Process } from './support/process.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'

/** The last value of each topic that mosquitto_sub -v has printed, once the tree has been told three times. */
async function treeOf(sub: Process): Promise<Map<string, string>> {
  await sub.until('stdout', /(?:^\$SYS\/broker\/uptime \d+ seconds$[^]*){3}/m)
  // Values follow the topic; one topic has a space in it.
  const line = /^(\$SYS\/broker\/(?:retained messages\/)?\S+) (.*)$/
  const lines = sub.stdout.trim().split('\n')
  return new Map(lines.map((text) => line.exec(text)!).map(([, topic = '', value = '']) => [topic, value]))
}

const formOf = (value: string): string => value.replaceAll(/\d+/g, 'N').replace('mosquitto', 'isomq')

describeWith([mosquittoClients], '$SYS topics of the real command', () => {
  test('mosquitto_sub shows the tree, and that it moves', async () => {
    const broker = await startBroker(['--set', 'sys.interval=1s'])
    await mosquittoPub(broker.port, ['-t', 'kept', '-r', '-q', '1', '-m', 'four'])
    const sub = await startMosquittoSub(broker, ['-t', '$SYS/#', '-v', '-q', '1'])
    const tree = await treeOf(sub)
    expect(tree.size).toBe(56)
    expect(tree.get('$SYS/broker/version')).toMatch(/^isomq version \d+\.\d+\.\d+/)
    expect(Number(tree.get('$SYS/broker/heap/current'))).toBeGreaterThan(1_000_000)
    expect(Number(tree.get('$SYS/broker/connections/socket/count'))).toBe(2)
    await sub.until('stdout', /^\$SYS\/broker\/clients\/connected 1$/m)
    await sub.until('stdout', /^\$SYS\/broker\/retained messages\/count 1$/m)
    await sub.until('stdout', /^\$SYS\/broker\/publish\/bytes\/received 4$/m)
    expect((await broker.stop()).code).toBe(0)
  })

  test('nothing of it is there after a restart, though retained messages are', async () => {
    const data = temporaryDirectory()
    const first = await startBroker(['--data', data, '--set', 'sys.interval=1s'])
    await mosquittoPub(first.port, ['-t', 'kept', '-r', '-q', '1', '-m', 'x'])
    await treeOf(await startMosquittoSub(first, ['-t', '$SYS/#', '-v']))
    expect((await first.stop()).code).toBe(0)
    const second = await startBroker(['--data', data, '--set', 'sys.interval=0'])
    expect(await mosquittoSub(second.port, ['-t', '$SYS/#', '-t', 'kept', '-C', '1', '-v'])).toBe('kept x\n')
    expect((await second.stop()).code).toBe(0)
  })

  test('events of clients, where they are on', async () => {
    const broker = await startBroker(['--set', 'sys.events=true', '--set', 'sys.node=n1'])
    const sub = await startMosquittoSub(broker, ['-t', '$SYS/brokers/n1/clients/a%2Fb/+', '-v', '-C', '2'])
    await mosquittoPub(broker.port, ['-i', 'a/b', '-u', 'user', '-k', '77', '-t', 't', '-m', 'x'])
    const lines = (await sub.exit()).stdout.trim().split('\n')
    const events = lines.map((line) => [line.slice(0, line.indexOf(' ')), JSON.parse(line.slice(line.indexOf(' ')))])
    const facts = { clientid: 'a/b', username: 'user', ipaddress: '127.0.0.1', proto_ver: 4 }
    const topic = '$SYS/brokers/n1/clients/a%2Fb'
    expect(events).toMatchObject([
      [`${topic}/connected`, { ...facts, keepalive: 77 }],
      [`${topic}/disconnected`, { ...facts, reason: 'normal' }],
    ])
    expect((await broker.stop()).code).toBe(0)
  })
})

describeWith([mosquittoBroker], '$SYS topics beside those of mosquitto', () => {
  test('every topic mosquitto has is there, with a value of the same form', async () => {
    const broker = await startBroker(['--set', 'sys.interval=1s'])
    const peer = await startMosquitto(eachTest, ['sys_interval 1'])
    const theirs = await treeOf(start('mosquitto_sub', ['-p', String(peer.port), '-t', '$SYS/#', '-v']))
    const ours = await treeOf(await startMosquittoSub(broker, ['-t', '$SYS/#', '-v']))
    expect(theirs.size).toBeGreaterThan(45)
    const forms = (tree: ReadonlyMap<string, string>): object =>
      Object.fromEntries(Array.from(theirs.keys(), (topic) => [topic, formOf(tree.get(topic) ?? 'missing')]))
    expect(forms(ours)).toEqual(forms(theirs))
    expect((await broker.stop()).code).toBe(0)
  })
})
