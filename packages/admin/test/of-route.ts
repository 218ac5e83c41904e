import { test } from 'vitest'
import { type Rig, rig } from './rig.ts'

/** What a test is given. */
export type Bench = Awaited<ReturnType<typeof rig>>

/** A test of one route: its path as it is written there. */
export function of(
  route: string,
  name: string,
  body: (bench: Bench) => Promise<void>,
  options: Parameters<typeof rig> = [],
): void {
  test(`${route}: ${name}`, async () => {
    const bench = await rig(...options)
    await body(bench)
    bench.admin.close()
    await bench.drive(bench.broker.close())
  })
}

/** Two clients, and a retained message that one of them has heard. */
export async function seed({ broker, join, host }: Rig): Promise<{ a: string[]; b: string[] }> {
  const a = join('a/1', ['t/#', 'u'])
  const b = join('b', ['t/x'])
  await host.settle()
  const keeping = broker.publish({
    topic: 't/kept',
    payload: new TextEncoder().encode('old'),
    qos: 1,
    retain: true,
    publisher: 'p',
    timestamp: host.clock.now(),
  })
  await host.settle()
  await keeping
  return { a, b }
}
