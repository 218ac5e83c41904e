import { expect, test } from 'vitest'
import { startBroker, type Broker } from './support/broker.ts'
import { isomq } from './support/isomq.ts'
import { connectJs } from './support/mqtt-js.ts'
import { connectScram, method } from './support/scram.ts'
import { unique } from './support/unique.ts'

/** A broker that knows these users, each by what `isomq passwd` made of the password. */
async function brokerFor(passwords: Readonly<Record<string, string>>, flags: readonly string[] = []): Promise<Broker> {
  const users = []
  for (const [name, password] of Object.entries(passwords)) {
    const { code, stdout, stderr } = await isomq(['passwd', '--scram', name], { stdin: `${password}\n` })
    expect([code, stderr]).toEqual([0, ''])
    users.push(JSON.parse(stdout) as { username: string; verifier: string })
  }
  const broker = await startBroker(['--set', `authentication.scram.users=${JSON.stringify(users)}`, ...flags])
  for (const { verifier } of users) {
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:/)
    expect(broker.process.stdout + broker.process.stderr).not.toContain(verifier.slice(20))
  }
  return broker
}

test('MQTT.js logs in by SCRAM over TCP and WebSocket, each side knows the other, and it proves itself anew', async () => {
  const broker = await brokerFor({ ann: 'pencil', bob: 'Grüße, = 鉛筆' })
  for (const [scheme, user] of [
    ['mqtt', ['ann', 'pencil']],
    ['ws', ['bob', 'Grüße, = 鉛筆']],
  ] as const) {
    const { client, connack, trusted, again } = await connectScram(broker.urls[scheme], user)
    expect([trusted, connack.properties?.authenticationMethod]).toEqual([true, method])
    for (let i = 0; i < 2; i++) {
      const topic = unique('scram')
      const arrived = new Promise((resolve) => client.once('message', (_, payload) => resolve(payload.toString())))
      await client.subscribeAsync(topic, { qos: 1 })
      await client.publishAsync(topic, 'x', { qos: 1 })
      expect(await arrived).toBe('x')
      expect(await again(user)).toBe(true)
    }
  }
})

test('a wrong password, an unknown user and an unknown method are refused, and so is a client without a method, unless that is allowed', async () => {
  const broker = await brokerFor({ ann: 'pencil' })
  for (const user of [
    ['ann', 'pencils'],
    ['eve', 'pencil'],
  ] as const)
    await expect(connectScram(broker.urls['mqtt'], user)).rejects.toMatchObject({ code: 0x86 })
  const properties = { authenticationMethod: 'SCRAM-SHA-1', authenticationData: Buffer.from('n,,n=ann,r=x') }
  await expect(connectJs(broker.urls['mqtt'], { properties })).rejects.toMatchObject({ code: 0x8c })
  await expect(connectJs(broker.urls['mqtt'])).rejects.toMatchObject({ code: 0x86 })
  const open = await brokerFor({ ann: 'pencil' }, ['--allow-anonymous'])
  const { connack } = await connectJs(open.urls['mqtt'])
  expect(connack.properties).not.toHaveProperty('authenticationMethod')
})

test('who proves to be somebody else, or nobody, is put out with 0x87', async () => {
  const broker = await brokerFor({ ann: 'pencil', bob: 'pen' })
  for (const other of [
    ['bob', 'pen'],
    ['ann', 'pen'],
  ] as const) {
    const { again } = await connectScram(broker.urls['mqtt'], ['ann', 'pencil'])
    await expect(again(other)).rejects.toThrow('DISCONNECT 135')
  }
})

test('MQTT.js learns where others can answer it, and nobody else hears that', async () => {
  const broker = await brokerFor({})
  const asks = { properties: { requestResponseInformation: true } }
  const [asker, other] = [await connectJs(broker.urls['mqtt'], asks), await connectJs(broker.urls['mqtt'])]
  const prefix = asker.connack.properties?.responseInformation
  expect(prefix).toBe(`$response/${asker.id}/`)
  await asker.client.subscribeAsync(`${prefix}#`, { qos: 1 })
  for (const filter of [`${prefix}#`, '$response/+/x', '$response/#'])
    await expect(other.client.subscribeAsync(filter)).rejects.toMatchObject({ packet: { granted: [0x87] } })
  await other.client.publishAsync(`${prefix}x`, 'answer', { qos: 1 })
  expect((await asker.inbox.next()).text).toBe('answer')
})
