import { createBroker, type Broker, type BrokerOptions, type Message } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { type FakeHost, fakeHost } from '@isomq/testkit'
import { type Admin, type AdminOptions, Accounts, createAdmin } from '../src/index.ts'

/** A broker on a fake clock, its API, and how to call it. */
export interface Rig {
  readonly broker: Broker
  readonly host: FakeHost
  readonly admin: Admin
  /** With the right to everything, unless `authorization` says otherwise. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** A client of this id; what it has heard is in the list. */
  join(id: string, filters?: readonly string[], more?: object): string[]
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly body: never
  readonly headers: Headers
}

export async function rig(
  options: Partial<AdminOptions> = {},
  broker: Partial<BrokerOptions> = {},
): Promise<Rig & { readonly accounts: Accounts; readonly password: string; drive<T>(work: Promise<T>): Promise<T> }> {
  const host = fakeHost()
  const storage = memoryStorage()
  /** What waits for the broker's turn gets it. */
  const drive = async <T>(work: Promise<T>): Promise<T> => {
    const state = { isOver: false }
    void work.catch(() => undefined).then(() => (state.isOver = true))
    while (!state.isOver) {
      await host.settle()
      await new Promise((resolve) => void setTimeout(resolve, 0))
    }
    return work
  }
  const made = await createBroker({ storage, host, ...broker })
  const accounts = new Accounts(storage, host.clock, 1000)
  const password = (await accounts.begin())!
  const admin = createAdmin({ broker: made, node: 'n1', version: '1.2.3', accounts, ...options })
  const { token } = await accounts.login('admin', password)
  return {
    broker: made,
    host,
    admin,
    accounts,
    password,
    drive,
    async call(method, path, body, headers = {}) {
      const json = body === undefined ? {} : { 'Content-Type': 'application/json' }
      const request = new Request(`http://broker.test${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...json, ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const response = await drive(admin.fetch(request, { address: '192.0.2.1' }))
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json') === true
      return { status: response.status, body: (isJson ? JSON.parse(text) : text) as never, headers: response.headers }
    },
    join(id, filters = [], more = {}) {
      const heard: string[] = []
      const consumer = {
        load: 0 as const,
        credit: 100,
        deliver: ({ topic, payload }: Message) => heard.push(`${topic} ${new TextDecoder().decode(payload)}`) > 0,
        confirm: () => undefined,
        end: () => void heard.push('ended'),
      }
      const principal = { clientId: id, username: `${id}-user` }
      const peer = { transport: 'tcp', secure: false, address: '192.0.2.7', port: 5 }
      const { session } = made.sessions.open({ id, principal, peer, consumer, clean: true, expiry: 60_000, ...more })
      for (const filter of filters) session.subscribe(filter, { qos: 1 })
      session.outbound.start(consumer)
      return heard
    },
  }
}
