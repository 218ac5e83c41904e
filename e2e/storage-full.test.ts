import { statfsSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { isomq } from './support/isomq.ts'
import { connectJs, type JsClient } from './support/mqtt-js.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'

const kept = { clean: false, properties: { sessionExpiryInterval: 3600 } }

function mount(options: string): string | undefined {
  const path = temporaryDirectory()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'isomq-e2e', path], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  eachTest.add(() => void execFileSync('umount', [path], { stdio: 'ignore' }))
  return path
}

const why = ((): string | undefined => {
  const path = mount('size=1m')
  return path === undefined ? 'a file system cannot be mounted here: that takes root on Linux' : undefined
})()

/** The reason code a publish is answered with. */
async function answer({ client }: JsClient, topic: string, bytes: number): Promise<number> {
  try {
    const packet = await client.publishAsync(topic, Buffer.alloc(bytes), { qos: 1 })
    return (packet as { readonly reasonCode?: number } | undefined)?.reasonCode ?? 0
  } catch (error) {
    return (error as { readonly code: number }).code
  }
}

describe.skipIf(why !== undefined)(`a disk that is full${why === undefined ? '' : ` (${why})`}`, () => {
  test('messages that must be kept are refused with 0x97, the rest goes on, and all does when there is space', async () => {
    const path = mount('size=16m')!
    const ballast = join(path, '.ballast')
    const broker = await startBroker(['--data', join(path, 'data')])
    const url = broker.urls['mqtt']
    const sleeper = await connectJs(url, { ...kept, clientId: 'sleeper' })
    await sleeper.client.subscribeAsync('owed', { qos: 1 })
    await sleeper.client.endAsync()
    const [pub, live] = [await connectJs(url), await connectJs(url)]
    await live.client.subscribeAsync('live', { qos: 1 })
    expect(await answer(pub, 'owed', 10)).toBe(0)

    writeFileSync(ballast, Buffer.alloc(statfsSync(path).bavail * statfsSync(path).bsize))
    // The file has room of its own for a while.
    let taken = 1
    for (let code = 0; code === 0;) {
      code = await answer(pub, 'owed', 100_000)
      if (code === 0) taken++
      else expect(code).toBe(0x97)
    }
    await broker.process.until('stderr', /ERROR the storage fails: .* reason="[^"]*no space left/i)
    for (let i = 0; i < 5; i++) expect(await answer(pub, 'owed', 100_000)).toBe(0x97)
    expect(await answer(pub, 'live', 5)).toBe(0)
    expect((await live.inbox.next()).packet.topic).toBe('live')
    // Who wants to be remembered is told that he cannot be.
    await expect(connectJs(url, { ...kept, clientId: 'new' })).rejects.toMatchObject({ code: 0x97 })
    expect((await live.client.subscribeAsync('more', { qos: 1 }))[0]?.qos).toBe(1)

    rmSync(ballast)
    await broker.process.until('stderr', /WARN {2}the storage works again since=/)
    expect(await answer(pub, 'owed', 10)).toBe(0)
    expect(broker.process.stderr.match(/the storage fails/g)).toHaveLength(1)
    const again = await connectJs(url, { ...kept, clientId: 'sleeper' })
    for (let i = 0; i <= taken; i++) await again.inbox.next()
    expect(again.inbox.all).toHaveLength(taken + 1)
    expect((await broker.stop()).code).toBe(0)
  })

  test('a directory that cannot be written to: one line, exit code 1', async () => {
    const path = mount('size=1m,ro')!
    const { code, stdout, stderr } = await isomq(['serve', '--mqtt', '127.0.0.1:0', '--ws', 'off', '--data', path])
    expect([code, stdout, stderr]).toEqual([1, '', `isomq: storage.path: ${path} may not be written\n`])
  })
})
