import { type Bridge, type Broker, createBroker } from 'isomq'
import { idb } from 'isomq/storage/idb'
import { serveWorker } from 'isomq/worker'
import { database, bridgeName } from './names.ts'
import type { LinkState } from './link-state.ts'
import { local } from './topics.ts'
import { Unsent } from './unsent.ts'

// One broker for all tabs of this device, and one link to the server. What is to be sent waits in its log.
const server = new URL(location.href).searchParams.get('server') ?? ''

await serveWorker(async () => {
  const broker = await createBroker({ id: 'fieldlist', storage: idb(database) })
  const cloud = await broker.bridge(bridgeName, {
    url: server,
    // Who is here matters now or not at all.
    topics: ['checklist/# both 1', 'people/# both 0'],
    backoff: { min: 500, max: 15_000 },
  })
  tellState(broker, cloud)
  tellUnsent(broker, cloud)
  return broker
})

function tellState(broker: Broker, cloud: Bridge): void {
  const tell = (): void => {
    const { status, nextRetryAt, lastError } = cloud.state
    const state: LinkState = { status, nextRetryAt, error: lastError?.message, server }
    void broker.publish(local.link, JSON.stringify(state), { retain: true })
  }
  cloud.on('state', tell)
  tell()
  void (async () => {
    for await (const _ of broker.subscribe(local.wake)) cloud.wake()
  })()
}

/** Tells which entries wait for the server: one retained message each, so that a worker after this one knows them too. */
function tellUnsent(broker: Broker, cloud: Bridge): void {
  const unsent = new Unsent((topic, count) => {
    void broker.publish(`${local.unsent}/${topic}`, count === 0 ? '' : String(count), { retain: true })
  })
  broker.retained.find(`${local.unsent}/#`, ({ topic, payload }) => {
    unsent.restore(topic.slice(local.unsent.length + 1), Number(new TextDecoder().decode(payload)))
  })
  if (cloud.state.lagMessages === 0) unsent.clear()
  broker.kernel.tap('checklist/#', ({ topic, publisher }) => {
    // What comes from there need not go there.
    if (!publisher.startsWith('$broker/')) unsent.add(topic)
  })
  cloud.on('sent', ({ topic }) => unsent.remove(topic))
  cloud.on('rejected', ({ topic, reason }) => {
    unsent.remove(topic)
    void broker.publish(`${local.refused}/${topic}`, reason)
  })
  cloud.on('drained', () => unsent.clear())
}
