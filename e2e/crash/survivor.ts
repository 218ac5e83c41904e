import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startIsomq } from '../support/isomq.ts'
import { RawClient, Type } from '../support/raw.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { message, readyLine, serveFlags } from './traced-load.ts'
import { Ack, ack, connect, parsePublish, ping, subscribe } from './wire.ts'

/** What a broker makes of a data file. */
export interface Survivor {
  /** Why it does not start, if so. */
  readonly refusal: string | undefined
  readonly sessionPresent: boolean
  /** Numbers of the messages that the session `sleeper` was still owed, as they came. */
  readonly received: readonly number[]
  /** Number of the retained message. */
  readonly retained: number
  /** What came and is not as it was sent. */
  readonly damaged: readonly string[]
}

/** So many answers in a row with nothing between them, and nothing more will come. */
const silence = 10

/**
 * Starts a broker on this data file and takes everything out that `traceLoad` put in. `unflushed` names the start of the
 * machine in which the file was written without being flushed.
 */
export async function revive(image: Buffer, unflushed?: string): Promise<Survivor> {
  const cwd = temporaryDirectory()
  const data = join(cwd, 'data')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(join(data, 'data.mdb'), image)
  if (unflushed !== undefined) writeFileSync(join(data, 'isomq.unflushed'), unflushed)
  const broker = startIsomq(serveFlags(data, 'flush'), { cwd })
  let port: number
  try {
    port = Number((await broker.until('stdout', readyLine))[1])
  } catch {
    return { refusal: broker.stderr, sessionPresent: false, received: [], retained: 0, damaged: [] }
  }
  const client = new RawClient(port)
  const connack = await client.ask(Type.connack, connect('sleeper', 5, false))
  const received: number[] = []
  const damaged: string[] = []
  for (let quiet = 0; quiet < silence;) {
    client.send(ping)
    let came = 0
    for (let packet = await client.inbox.next(); packet.type !== Type.pingresp; packet = await client.inbox.next()) {
      came++
      if (packet.type === Type.pubrel) client.send(ack(Ack.pubcomp, packet.body.readUInt16BE(0)))
      if (packet.type !== Type.publish) continue
      const { topic, payload, qos, id } = parsePublish(5, packet.flags, packet.body)
      const n = Number.parseInt(payload, 10)
      const sent = message(n)
      if (sent.payload !== payload || sent.topic !== topic || sent.qos !== qos)
        damaged.push(`${topic} ${payload.slice(0, 60)}`)
      received.push(n)
      client.send(ack(qos === 1 ? Ack.puback : Ack.pubrec, id))
    }
    quiet = came > 0 ? 0 : quiet + 1
    if (came === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const reader = new RawClient(port)
  await reader.ask(Type.connack, connect('reader', 5, true))
  reader.send(subscribe(5, 1, ['p/kept'], 0), ping)
  let retained = 0
  for (let packet = await reader.inbox.next(); packet.type !== Type.pingresp; packet = await reader.inbox.next()) {
    if (packet.type === Type.publish) retained = Number.parseInt(parsePublish(5, packet.flags, packet.body).payload, 10)
  }
  for (const each of [client, reader]) each.socket.destroy()
  await broker.end()
  return { refusal: undefined, sessionPresent: ((connack.body[0] ?? 0) & 1) === 1, received, retained, damaged }
}
