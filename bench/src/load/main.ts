import { subscribeBallast } from './ballast.ts'
import { fill } from './fill.ts'
import { openIdle } from './idle.ts'
import type { Order, Reply } from './plan.ts'
import { PublisherGroup } from './publisher.ts'
import { Storm } from './storm.ts'
import { SubscriberGroup } from './subscriber.ts'

// A load process: does what the bench orders, one order at a time, and ends when the bench does.
let publishers: PublisherGroup | undefined
let subscribers: SubscriberGroup | undefined
let storm: Storm | undefined

async function obey(order: Order): Promise<Reply | undefined> {
  switch (order.type) {
    case 'subscribe':
      subscribers = new SubscriberGroup(order.plan)
      return { type: 'ready', creditPort: await subscribers.prepare() }
    case 'publish':
      publishers = new PublisherGroup(order.plan)
      await publishers.prepare(order.creditPort)
      return { type: 'ready', creditPort: 0 }
    case 'hold':
      await hold(order)
      return { type: 'ready', creditPort: 0 }
    case 'gather':
      storm ??= await Storm.watch(order.target)
      await storm.gather(order.count)
      return { type: 'ready', creditPort: 0 }
    case 'scatter':
      await storm?.scatter()
      return { type: 'ready', creditPort: 0 }
    case 'go':
      publishers?.start()
      return undefined
    case 'mark':
      return subscribers && { type: 'mark', mark: subscribers.mark() }
    case 'stop':
      return publishers && { type: 'stopped', sent: publishers.stop() }
    case 'drain':
      return subscribers && { type: 'verdict', verdict: await subscribers.drain(order.sent, order.deadlineMs) }
  }
}

function hold({ target, what, from, count }: Order & { readonly type: 'hold' }): Promise<void> {
  if (what === 'subscription') return subscribeBallast(target, from, count)
  if (what === 'connection') return openIdle(target, from, count)
  return fill(target, what, from, count)
}

function reply(message: Reply): void {
  process.send?.(message)
}

function fail(error: unknown): void {
  reply({ type: 'failed', reason: error instanceof Error ? error.message : String(error) })
}

process.on('uncaughtException', fail)
process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  obey(order).then((message) => message && reply(message), fail)
})
