import type { Ack, Publish } from '../../src/codec/packet.ts'
import { text } from '../harness.ts'
import type { Due, Sent } from './ledger.ts'
import type { Link } from './link.ts'
import type { Delivery } from './session-view.ts'
import type { World } from './world.ts'

/** A PUBLISH leaves the broker: may it, now, in this form? */
export function sentPublish(world: World, link: Link, packet: Publish): void {
  const { client } = link
  const { session } = client
  const { qos, packetId: id, dup } = packet
  const fault = (what: string): void => world.fault(`${client.id}: ${text(packet)} #${id} ${what}`)
  const sent = world.sent.get(text(packet))
  if (sent === undefined) return fault('was never sent')
  if (packet.retain) fault('is marked as retained')
  if (topicOf(link, packet) !== sent.topic) fault(`comes on ${topicOf(link, packet)}, not on ${sent.topic}`)
  if (client.link !== link && client.link?.answered === true) fault('goes to a connection that was taken over')
  const due = client.targetOf(sent.topic).dues.get(sent.key)
  if (due === undefined) return session.doubtful ? undefined : fault('is not for it')
  const expiry = packet.properties?.messageExpiryInterval
  if (client.version === 5 && (expiry === undefined) !== (sent.expiry === undefined)) fault('lost its expiry')
  if (expiry !== undefined && expiry * 1000 > sent.expiry!) fault(`expires in ${expiry} s`)
  if (qos === 0) {
    if (dup) fault('is marked as repeated at QoS 0')
    return isFirst(world, { link, sent, due, qos }, fault)
  }
  if (link.outstanding.has(id)) fault('has an identifier that is under way')
  link.outstanding.add(id)
  if (link.outstanding.size > link.receiveMaximum) fault(`is one more than ${link.receiveMaximum} under way`)
  const isShared = client.targetOf(sent.topic) !== session
  const known = session.deliveries.get(id)
  const isBack = known !== undefined && isForgotten(world, link, known)
  if (known !== undefined && known.phase !== 'done' && !isBack) {
    if (!due.exempt) {
      if (known.key !== sent.key) fault(`has the identifier of ${known.key}, which is under way`)
      else if (known.phase === 'released') fault('is published again after PUBREL')
      else if (known.link === link) fault('is sent twice on one connection')
      if (known.qos !== qos) fault(`began at QoS ${known.qos} and comes at ${qos}`)
      if (!dup) fault('is sent again without DUP')
      if (known.life === world.life && known.n < link.newest) fault('is sent again behind younger ones')
    }
    link.newest = Math.max(link.newest, known.n)
    known.phase = 'sent'
    known.link = link
    known.confirmed = false
    return
  }
  const isSame = known?.key === sent.key
  if (dup) {
    // Its acknowledgement may have been lost; or a crash has taken the broker's memory of it.
    const mayBe = due.suspect || isShared || (isSame && !known.confirmed)
    if (!mayBe && !due.exempt) fault('is marked as repeated and was never sent')
    if (isSame && known.confirmed && !due.suspect && !due.exempt) fault('is sent again after its acknowledgement')
    if (isSame || due.firsts === 0) due.firsts = Math.max(due.firsts, 1)
  } else isFirst(world, { link, sent, due, qos }, fault)
  const n = isSame && dup ? known.n : ++world.deliveries
  link.newest = Math.max(link.newest, n)
  const { life } = world
  session.deliveries.set(id, { key: sent.key, qos, n, life, phase: 'sent', link, refused: false, confirmed: false })
}

/**
 * The broker need not go on with it: what a group's member had not acknowledged at QoS 1 when its connection ended is the
 * group's again, and what expired while a killed broker did not know that it had sent it is gone.
 */
export function isForgotten(world: World, { client }: Link, { key, qos, link }: Delivery): boolean {
  const sent = world.sent.get(key)!
  const target = client.targetOf(sent.topic)
  if (qos === 1 && link !== client.link && target === world.group) return true
  const due = target.dues.get(key)
  return due?.suspect === true && (due.exempt || sent.expiry !== undefined)
}

interface First {
  readonly link: Link
  readonly sent: Sent
  readonly due: Due
  readonly qos: number
}

/** A message is sent to this target for the first time. */
function isFirst(world: World, { link, sent, due, qos }: First, fault: (what: string) => void): void {
  const isShared = link.client.targetOf(sent.topic) !== link.client.session
  // What goes back to a group is sent as if for the first time; not so at QoS 2.
  if (!isShared || qos === 2) due.firsts++
  if (due.exempt) return
  if (![...due.qos].some((granted) => Math.min(granted, sent.qos) === qos))
    fault(`comes at QoS ${qos}, granted was ${[...due.qos]}, published ${sent.qos}`)
  if (sent.refused && sent.attempts === 1) fault('was refused')
  if (due.discarded && sent.attempts === 1) fault('was refused by a receiver and comes again')
  const most = sent.qos === 2 ? 1 : sent.attempts
  if (due.firsts > most) fault(`is sent for the ${due.firsts}. time, written ${most} times`)
  const { expiry, acceptedAt, attempts } = sent
  if (expiry === undefined || acceptedAt === undefined || attempts > 1) return
  if (world.now > acceptedAt + expiry) fault('has expired')
}

/** A PUBREL leaves the broker. */
export function sentPubrel(world: World, link: Link, { packetId: id, reasonCode }: Ack): void {
  const { client } = link
  const { session } = client
  const fault = (what: string): void =>
    session.doubtful ? undefined : world.fault(`${client.id}: PUBREL #${id} ${what}`)
  const delivery = session.deliveries.get(id)
  if (reasonCode !== 0) return fault(`has ${reasonCode}`)
  if (delivery === undefined) return fault('for nothing')
  if (delivery.qos !== 2) fault('at QoS 1')
  if (delivery.phase === 'sent') fault('before PUBREC')
  if (delivery.phase === 'done' && (delivery.confirmed || delivery.refused)) fault('after the end')
  if (delivery.phase === 'received') delivery.phase = 'released'
  link.releasing.add(id)
  const times = (link.rels.get(id) ?? 0) + 1
  link.rels.set(id, times)
  const most = (link.recs.get(id) ?? 0) + (link.resumed ? 1 : 0)
  if (times > most) fault(`comes ${times} times on one connection`)
}

function topicOf({ aliases }: Link, { topic, properties }: Publish): string | undefined {
  const alias = properties?.topicAlias
  if (alias === undefined) return topic
  if (topic !== '') aliases.set(alias, topic)
  return aliases.get(alias)
}
