import { connect as connectSocket, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { connectJs } from './support/mqtt-js.ts'
import { eachTest } from './support/scope.ts'

// Storms that end other brokers: this one refuses what it has no room for, and goes on for those who are here.

/** A broker whose heap is small, and the port of its health. */
async function smallBroker(flags: readonly string[] = []) {
  const more = ['--http', '127.0.0.1:0', '--set', 'limits.memory=72MiB', '--log-level', 'info', ...flags]
  const broker = await startBroker(more, eachTest, { NODE_OPTIONS: '--max-old-space-size=128' })
  const ready = async (): Promise<[number, string]> => {
    const response = await fetch(`${broker.urls['http']}readyz`)
    return [response.status, await response.text()]
  }
  return { broker, ready }
}

test('a flood of retained topics ends in refusals, and those who are here are served on', async () => {
  const { broker, ready } = await smallBroker()
  const here = await connectJs(broker.urls['mqtt'])
  await here.client.subscribeAsync('mine', { qos: 1 })
  const flood = await connectJs(broker.urls['mqtt'])
  const refusals: number[] = []
  for (let n = 0; n < 600_000 && refusals.length === 0; n += 500) {
    const all = Array.from({ length: 500 }, (_, i) =>
      flood.client
        .publishAsync(`flood/${n + i}/${'x'.repeat(100)}`, 'y'.repeat(150), { qos: 1, retain: true })
        .catch((error: { code: number }) => refusals.push(error.code)),
    )
    await Promise.all(all)
  }
  expect(new Set(refusals)).toEqual(new Set([0x97]))
  expect(await ready()).toEqual([503, expect.stringContaining('memory is short')])
  await expect(connectJs(broker.urls['mqtt'])).rejects.toMatchObject({ code: 0x97 })
  await here.client.publishAsync('mine', 'still served', { qos: 1 })
  expect((await here.inbox.next()).text).toBe('still served')
  const { code: exit } = await broker.stop()
  expect(exit).toBe(0)
})

test('a storm of 5,000 connections that say nothing, or drip, or log in', async () => {
  const { broker, ready } = await smallBroker(['--set', 'limits.connectTimeout=3s', '--set', 'limits.connections=2000'])
  const here = await connectJs(broker.urls['mqtt'])
  await here.client.subscribeAsync('mine', { qos: 1 })
  const port = Number(new URL(broker.urls['mqtt']!).port)
  const login = Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0])
  const sockets: Socket[] = []
  let [ended, answered] = [0, 0]
  for (let n = 0; n < 5000; n++) {
    const socket = connectSocket({ port, host: '127.0.0.1' })
    sockets.push(socket)
    socket.on('error', () => undefined).on('close', () => ended++)
    socket.on('data', () => answered++)
    if (n % 3 === 1) socket.write(login)
    if (n % 3 === 2) socket.write(login.subarray(0, 5))
    if (n % 250 === 0) await new Promise((resolve) => void setTimeout(resolve, 20))
  }
  await here.client.publishAsync('mine', 'in the storm', { qos: 1 })
  expect((await here.inbox.next()).text).toBe('in the storm')
  // Whoever has not logged in is gone in time, dripping or not; of the others no more are here than may be.
  await expect.poll(() => ended, { timeout: 30_000 }).toBeGreaterThan(3300)
  expect(answered).toBeGreaterThan(100)
  expect(sockets.length - ended).toBeLessThanOrEqual(2000)
  expect((await ready())[0]).toBe(200)
  for (const socket of sockets) socket.destroy()
  await expect.poll(async () => (await connectJs(broker.urls['mqtt'])).connack.reasonCode, { timeout: 10_000 }).toBe(0)
  expect((await broker.stop()).code).toBe(0)
})

test.each(['http', 'ws'])('a request that drips at the %s port is ended in time', async (name) => {
  const broker = await startBroker(['--http', '127.0.0.1:0', '--set', 'limits.connectTimeout=1s'])
  const socket = connectSocket({ port: Number(new URL(broker.urls[name]!).port), host: '127.0.0.1' })
  const closed = new Promise((resolve) =>
    socket
      .on('close', resolve)
      .on('error', () => undefined)
      .resume(),
  )
  const text = `GET /mqtt HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(1000)}`
  let at = 0
  const drip = setInterval(() => socket.write(text[at++ % text.length]!), 100)
  await closed
  clearInterval(drip)
  await broker.stop()
})
