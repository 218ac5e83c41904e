import { encodeUtf8, isFilter, isTopic, matches, type Message, type Qos } from '@isomq/kernel'
import * as v from 'valibot'
import { badRequest, notFound } from '../api-error.ts'
import { type Call, pageOf, paging, Reply, type Route } from '../route.ts'
import { shown } from '../shown.ts'
import type { Parts } from './parts.ts'

const publishBody = v.object({
  topic: v.string(),
  payload: v.optional(v.string(), ''),
  payload_encoding: v.optional(v.picklist(['plain', 'base64']), 'plain'),
  qos: v.optional(v.picklist([0, 1, 2]), 0),
  retain: v.optional(v.boolean(), false),
  properties: v.optional(
    v.object({
      message_expiry_interval: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff))),
      content_type: v.optional(v.string()),
      response_topic: v.optional(v.string()),
      correlation_data: v.optional(v.string()),
      user_properties: v.optional(v.record(v.string(), v.string())),
    }),
  ),
})
const bulkBody = v.pipe(v.array(publishBody), v.maxLength(1000))
type Publication = v.InferOutput<typeof publishBody>

/** Publishing, retained and delayed messages. */
export function messageRoutes({ broker }: Parts): Route[] {
  const publish = async (publication: Publication): Promise<{ status: number; body: object }> => {
    const message = messageOf(publication, broker.host.clock.now())
    const isHeard = hasReader(broker.sessions, message.topic)
    await broker.publish(message)
    const id = broker.host.randomId()
    return isHeard
      ? { status: 200, body: { id } }
      : { status: 202, body: { id, reason_code: 16, message: 'no_matching_subscribers' } }
  }
  const retainedOf = (topic: string): Message => {
    const message = broker.retained.get(topic)
    if (message === undefined) throw notFound('NOT_FOUND', 'There is no retained message on this topic')
    return message
  }
  const clear = (topic: string): Promise<void> | void =>
    broker.publish({
      ...retainedOf(topic),
      payload: new Uint8Array(0),
      qos: 0,
      publisher: '',
      timestamp: broker.host.clock.now(),
    })
  return [
    {
      method: 'POST',
      path: '/api/v5/publish',
      summary: 'Publishes a message, as the broker itself',
      role: 'administrator',
      body: publishBody,
      async handle({ body }: Call<Publication>) {
        const { status, body: answer } = await publish(body)
        return new Reply(status, answer)
      },
    },
    {
      method: 'POST',
      path: '/api/v5/publish/bulk',
      summary: 'Publishes messages, in this order',
      role: 'administrator',
      body: bulkBody,
      largest: 10 * 1024 * 1024,
      async handle({ body }: Call<Publication[]>) {
        const answers = []
        for (const each of body) answers.push((await publish(each)).body)
        return answers
      },
    },
    {
      method: 'GET',
      path: '/api/v5/mqtt/retainer/messages',
      summary: 'Retained messages, without their payloads',
      role: 'viewer',
      query: { ...paging, topic: 'Filter that covers their topics' },
      handle({ query }: Call) {
        const filter = query.get('topic') ?? '#'
        if (!isFilter(filter)) throw badRequest('topic is no topic filter')
        const all: object[] = []
        broker.retained.find(filter, (message) => {
          const { payload: _, payload_encoding: __, ...rest } = shown(message, 'base64')
          all.push({ ...rest, payload_bytes: message.payload.length })
        })
        return pageOf(all, query)
      },
    },
    {
      method: 'DELETE',
      path: '/api/v5/mqtt/retainer/messages',
      summary: 'Clears retained messages',
      role: 'administrator',
      query: { topic: 'Filter that covers their topics; needed' },
      async handle({ query }: Call) {
        const filter = query.get('topic')
        if (filter === null || !isFilter(filter)) throw badRequest('topic must be a topic filter')
        const topics: string[] = []
        broker.retained.find(filter, ({ topic }) => void (topic.startsWith('$SYS/') || topics.push(topic)))
        for (const topic of topics) await clear(topic)
        return { cleared: topics.length }
      },
    },
    {
      method: 'GET',
      path: '/api/v5/mqtt/retainer/message/:topic{.+}',
      summary: 'The retained message of a topic; its slashes are `%2F`, or as they are',
      role: 'viewer',
      handle: ({ param }: Call) => shown(retainedOf(param('topic')), 'base64'),
    },
    {
      method: 'DELETE',
      path: '/api/v5/mqtt/retainer/message/:topic{.+}',
      summary: 'Clears the retained message of a topic',
      role: 'administrator',
      async handle({ param }: Call) {
        await clear(param('topic'))
        return new Reply(204)
      },
    },
    {
      method: 'GET',
      path: '/api/v5/mqtt/delayed/messages',
      summary: 'Messages to be published later, soonest first',
      role: 'viewer',
      query: paging,
      handle({ query }: Call) {
        const all = Array.from(broker.delayed, ({ id, message, dueAt }) => ({
          msgid: id,
          ...shown(message, 'base64'),
          publish_at: new Date(message.timestamp).toJSON(),
          expected_at: new Date(dueAt).toJSON(),
        }))
        return pageOf(all, query)
      },
    },
    {
      method: 'DELETE',
      path: '/api/v5/mqtt/delayed/messages/:id',
      summary: 'Takes one back',
      role: 'administrator',
      async handle({ param }: Call) {
        if (!(await broker.delayed.cancel(param('id'))))
          throw notFound('MESSAGE_ID_NOT_FOUND', 'There is no such message')
        return new Reply(204)
      },
    },
  ]
}

function messageOf(
  { topic, payload, payload_encoding, qos, retain, properties = {} }: Publication,
  now: number,
): Message {
  if (!isTopic(topic)) throw badRequest('topic is no topic')
  const {
    message_expiry_interval: expiry,
    content_type,
    response_topic,
    correlation_data,
    user_properties,
  } = properties
  return {
    topic,
    payload: payload_encoding === 'base64' ? fromBase64(payload) : encodeUtf8(payload),
    qos: qos as Qos,
    retain,
    publisher: '',
    timestamp: now,
    expiresAt: expiry === undefined ? undefined : now + expiry * 1000,
    contentType: content_type,
    responseTopic: response_topic,
    correlationData: correlation_data === undefined ? undefined : encodeUtf8(correlation_data),
    headers: user_properties && Object.entries(user_properties),
  }
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    throw badRequest('payload is no base64')
  }
}

function hasReader(sessions: Parts['broker']['sessions'], topic: string): boolean {
  for (const session of sessions)
    for (const { filter } of session.subscriptions.values()) if (matches(filter, topic)) return true
  return false
}
