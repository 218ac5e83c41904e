import type { Broker, BrokerEvent } from '@isomq/kernel'
import { ApiError } from '../api-error.ts'
import { type Call, type Route, wholeIn } from '../route.ts'
import type { Parts } from './parts.ts'

/** Events that may wait for one who reads slowly; then some are lost, and that is told. */
const most = 1000
/** Streams at a time. */
const mostStreams = 100
const heartbeat = 15_000

/** What happens, as it happens: server-sent events. */
export function streamRoutes({ broker }: Parts): Route[] {
  let open = 0
  const stream = (call: Call, begin: (send: (event: string, data: object) => void) => () => void): Response => {
    if (open >= mostStreams) throw new ApiError(429, 'TOO_MANY_REQUESTS', 'There are too many streams')
    open++
    return eventStream(broker, call.signal, begin, () => open--)
  }
  return [
    {
      method: 'GET',
      path: '/api/v1/events',
      summary: 'Events of the broker as they happen',
      role: 'viewer',
      query: { type: 'Names of events, separated by commas; default: all', client: 'Client id' },
      handle(call: Call) {
        const types = call.query.get('type')?.split(',')
        const client = call.query.get('client')
        return stream(call, (send) =>
          broker.watch((event) => {
            if (types !== undefined && !types.includes(event.type)) return
            if (client !== null && (event as { session?: string }).session !== client) return
            send(event.type, plain(event))
          }),
        )
      },
    },
    {
      method: 'GET',
      path: '/api/v1/metrics/stream',
      summary: 'The numbers of the moment, again and again',
      role: 'viewer',
      query: { interval: 'Milliseconds between two, from 100 to 60,000' },
      handle(call: Call) {
        const interval = wholeIn(call.query, 'interval', 1000, [100, 60_000])
        return stream(call, (send) => repeat(broker, interval, () => send('sample', sampleOf(broker))))
      },
    },
  ]
}

function eventStream(
  broker: Broker,
  signal: AbortSignal,
  begin: (send: (event: string, data: object) => void) => () => void,
  ended: () => void,
): Response {
  let end = (): void => undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const encoder = new TextEncoder()
        let lost = 0
        let isOver = false
        const write = (text: string): void => {
          if (!isOver) controller.enqueue(encoder.encode(text))
        }
        const send = (event: string, data: object): void => {
          if ((controller.desiredSize ?? 0) <= 0) return void lost++
          if (lost > 0) write(`event: lost\ndata: {"count":${lost}}\n\n`)
          lost = 0
          write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
        }
        const stopBeat = repeat(broker, heartbeat, () => write(': still here\n\n'))
        const stop = begin(send)
        end = () => {
          if (isOver) return
          isOver = true
          stop()
          stopBeat()
          ended()
        }
        write(': hello\n\n')
        signal.addEventListener('abort', () => {
          end()
          try {
            controller.close()
          } catch {
            // Its reader is gone.
          }
        })
      },
      cancel: () => end(),
    },
    { highWaterMark: most },
  )
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' } })
}

function repeat({ host }: Broker, interval: number, task: () => void): () => void {
  let timer = host.clock.timer(interval, again)
  function again(): void {
    task()
    timer = host.clock.timer(interval, again)
  }
  return () => timer.cancel()
}

function sampleOf({ counters, sessions, retained, backlog, host }: Broker): object {
  const { received, sent, dropped, stored, subscriptions } = counters
  const now = { received, sent, dropped, stored, subscriptions }
  return {
    at: host.clock.now(),
    ...now,
    connected: sessions.connected,
    sessions: sessions.size,
    retained: retained.size,
    backlog,
  }
}

/** An event without payloads and whatever else is no plain value. */
function plain(event: BrokerEvent): object {
  if (event.type === 'retained') {
    const { topic, qos, payload, publisher } = event.message
    return { type: event.type, topic, qos, bytes: payload.length, publisher }
  }
  if (event.type === 'storage-failed') return { type: event.type, error: String(event.error) }
  return event
}
