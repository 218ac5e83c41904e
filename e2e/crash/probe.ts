import { RawClient, Type } from '../support/raw.ts'
import type { Surroundings } from './client.ts'
import type { Ledger } from './ledger.ts'
import { connect, parsePublish, ping, subscribe } from './wire.ts'

/** Asks for all retained messages: of each topic the last one acknowledged must be there, or one sent after it. */
export async function probeRetained(around: Surroundings, ledger: Ledger, topics: readonly string[]): Promise<void> {
  const { history, port } = around
  if (port === undefined) return
  const client = new RawClient(port)
  try {
    await client.ask(Type.connack, connect(`probe-${history.now}`, 5, true))
    // Of what is acknowledged while we ask, nothing is known.
    const acked = new Map<string, number>()
    for (const { topic, n, acked: at } of ledger)
      if (at !== undefined) acked.set(topic, Math.max(n, acked.get(topic) ?? 0))
    const asked = history.add('probe', 'asks for retained messages')
    client.send(subscribe(5, 1, ['ret/#'], 0), ping)
    const found = new Map<string, string>()
    for (let packet = await client.inbox.next(); packet.type !== Type.pingresp; packet = await client.inbox.next()) {
      if (packet.type !== Type.publish) continue
      const { retain, topic, payload } = parsePublish(5, packet.flags, packet.body)
      // Others are on their way from somebody to everybody.
      if (retain) found.set(topic, payload)
    }
    for (const topic of topics) {
      const entry = ledger.find(found.get(topic) ?? '')
      const least = acked.get(topic) ?? 0
      history.add('probe', `${topic} is ${entry?.key ?? 'nothing'}, at least ${least} is due`)
      if (found.has(topic) && entry === undefined)
        history.violation('probe', `got something on ${topic} that nobody sent`)
      if ((entry?.n ?? 0) >= least) continue
      const lost = [...ledger].find((each) => each.topic === topic && each.n === least)
      history.violation(
        'probe',
        `at ${asked}: ${topic} is ${entry?.key ?? 'nothing'}, ${lost?.key} was acknowledged`,
        lost?.key,
      )
    }
  } catch (error) {
    // No fault if the broker was killed meanwhile.
    if (around.port === port) history.violation('probe', String(error))
    else history.add('probe', String(error))
  } finally {
    client.socket.destroy()
  }
}
