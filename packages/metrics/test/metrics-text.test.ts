import { createBroker } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost } from '@isomq/testkit'
import { expect, test } from 'vitest'
import { metricsText } from '../src/index.ts'

const mqtt = {
  bytesReceived: 1,
  bytesSent: 2,
  packetsReceived: new Float64Array(16).fill(3),
  packetsSent: new Float64Array(16).fill(4),
  publishBytesReceived: 5,
  publishBytesSent: 6,
  connections: 7,
  open: new Set(),
}

test('labels are written so that no value can end them', async () => {
  const broker = await createBroker({ storage: memoryStorage(), host: fakeHost() })
  const state = { status: 'connected', lagMessages: 8, lagBytes: 9, inFlight: 10 }
  const bridges = [{ name: 'a"b\\c\nd', state }]
  const text = metricsText({ version: '1', broker, mqtt, bridges })
  expect(text).toContain('isomq_bridge_lag_messages{bridge="a\\"b\\\\c\\nd"} 8\n')
  for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{.+\})? \S+)$/)
  expect(text).not.toContain('process_')
  await broker.close()
})

test('times are told in seconds, and each bucket holds those before it', async () => {
  const host = fakeHost()
  const broker = await createBroker({ storage: memoryStorage(), host })
  const { observe } = broker.timings.commit as unknown as { observe(time: number, times?: number): void }
  for (const time of [0.5, 1, 3, 700, 20_000, -5]) observe.call(broker.timings.commit, time)
  observe.call(broker.timings.commit, 40, 4)
  const lines = metricsText({ version: '1', broker, mqtt })
    .split('\n')
    .filter((line) => line.startsWith('isomq_commit_seconds'))
  expect(lines).toEqual([
    ...[
      ['0.001', 3],
      ['0.002', 3],
      ['0.005', 4],
      ['0.01', 4],
      ['0.025', 4],
      ['0.05', 8],
      ['0.1', 8],
      ['0.25', 8],
      ['0.5', 8],
      ['1', 9],
      ['2.5', 9],
      ['5', 9],
      ['10', 9],
      ['+Inf', 10],
    ].map(([le, count]) => `isomq_commit_seconds_bucket{le="${le}"} ${count}`),
    'isomq_commit_seconds_sum 20.8645',
    'isomq_commit_seconds_count 10',
  ])
  await broker.close()
})
