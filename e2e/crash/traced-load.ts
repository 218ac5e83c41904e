import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startIsomq } from '../support/isomq.ts'
import { Packets, RawClient, Type } from '../support/raw.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { type Step, readTrace, straceFlags } from './disk-trace.ts'
import { Ack, ack, connect, publish, type Publish, subscribe } from './wire.ts'

/** The `n`th message of the load, n being its packet identifier too. */
export function message(n: number): Publish {
  const retain = n % 5 === 0
  const payload = `${n} ${'x'.repeat((n * 37) % (n % 7 === 0 ? 9000 : 200))}`
  return { id: n, topic: retain ? 'p/kept' : `p/${n % 3}`, payload, qos: 1 + (n % 2), retain, dup: false }
}

/** What a broker did with its disk while it acknowledged messages. */
export interface TracedLoad {
  readonly steps: readonly Step[]
  /** The step with which each message was acknowledged. */
  readonly acknowledged: ReadonlyMap<number, number>
  /** The step with which the session that is owed them all was confirmed. */
  readonly subscribed: number
}

const window = 8

/** Runs a broker under strace while `count` messages are published that the session `sleeper` is owed, then kills it. */
export async function traceLoad(durability: string, count: number): Promise<TracedLoad> {
  const cwd = temporaryDirectory()
  const [data, trace] = [join(cwd, 'data'), join(cwd, 'trace')]
  const strace = startIsomq(serveFlags(data, durability), { cwd }, ['strace', ...straceFlags, '-o', trace])
  const [, port] = await strace.until('stdout', readyLine)
  const sleeper = new RawClient(Number(port))
  await sleeper.ask(Type.connack, connect('sleeper', 5, false))
  await sleeper.ask(Type.suback, subscribe(5, 1, ['p/#'], 2))
  const writer = new RawClient(Number(port))
  await writer.ask(Type.connack, connect('writer', 5, false))
  const ports = { sleeper: sleeper.socket.localPort ?? 0, writer: writer.socket.localPort ?? 0 }
  sleeper.socket.destroy()
  for (let n = 1; n <= count; n += window) {
    const batch = Array.from({ length: Math.min(window, count - n + 1) }, (_, i) => message(n + i))
    writer.send(...batch.map((each) => publish(5, each)))
    for (let open = batch.length; open > 0;) {
      const { type, body } = await writer.inbox.next()
      if (type === Type.pubrec) writer.send(ack(Ack.pubrel, body.readUInt16BE(0)))
      else open--
    }
  }
  // strace ends with the broker, whose number is in the directory's lock.
  const mark = readdirSync(data).find((name) => name.endsWith('.pid'))!
  process.kill(Number(readFileSync(join(data, mark), 'utf8').split(' ')[0]), 'SIGKILL')
  await strace.exit()
  const steps = readTrace(trace)
  return { steps, ...toldIn(steps, ports) }
}

/** The arguments of a broker on this directory. */
export function serveFlags(data: string, durability: string): string[] {
  const where = ['--mqtt', '127.0.0.1:0', '--ws', 'off', '--data', data, '--log-level', 'info']
  return ['serve', ...where, '--set', `storage.durability=${durability}`]
}

/** What a broker prints when it listens, its port in the first group. */
export const readyLine: RegExp = /ready\n {2}mqtt:\/\/\S+:(\d+)/

function toldIn(
  steps: readonly Step[],
  ports: { readonly sleeper: number; readonly writer: number },
): Pick<TracedLoad, 'acknowledged' | 'subscribed'> {
  const acknowledged = new Map<number, number>()
  const [toWriter, toSleeper] = [new Packets(), new Packets()]
  let [seen, subscribed] = [0, Infinity]
  steps.forEach((step, at) => {
    if (step.kind !== 'send') return
    if (step.port === ports.sleeper) {
      toSleeper.push(step.bytes)
      if (toSleeper.inbox.all.some(({ type }) => type === Type.suback)) subscribed = Math.min(subscribed, at)
    } else if (step.port === ports.writer) {
      toWriter.push(step.bytes)
      for (const { type, body } of toWriter.inbox.all.slice(seen))
        if (type === Type.puback || type === Type.pubrec) acknowledged.set(body.readUInt16BE(0), at)
      seen = toWriter.inbox.all.length
    }
  })
  return { acknowledged, subscribed }
}
