import { afterAll, beforeAll, describe } from 'vitest'
import { sharedBroker } from './broker.ts'
import { startMosquitto, type Mosquitto } from './mosquitto.ts'
import { describeWith, mosquittoBroker } from './peers.ts'
import { Scope } from './scope.ts'

/** A broker that the clients of isomq are tried on. */
export interface Target {
  readonly port: number
  readonly webSocketUrl: string
  /** Resolves once the broker has the subscriptions of this client. */
  subscribed(clientId: string): Promise<void>
}

/** Runs the same tests against isomq and against mosquitto, each in a process of its own. */
export function describeTargets(title: string, body: (target: Target) => void): void {
  describe(`${title} on isomq`, () => {
    const broker = sharedBroker()
    body({
      get port() {
        return broker.port
      },
      get webSocketUrl() {
        return broker.urls['ws'] ?? ''
      },
      subscribed: (clientId) => broker.subscribed(clientId),
    })
  })
  describeWith([mosquittoBroker], `${title} on mosquitto`, () => {
    const scope = new Scope()
    let mosquitto: Mosquitto | undefined
    beforeAll(async () => {
      mosquitto = await startMosquitto(scope)
    })
    afterAll(() => scope.end())
    body({
      get port() {
        return mosquitto?.port ?? 0
      },
      get webSocketUrl() {
        return `ws://127.0.0.1:${mosquitto?.webSocketPort}/mqtt`
      },
      async subscribed(clientId) {
        await mosquitto?.process.until('stderr', new RegExp(`Sending SUBACK to ${clientId}`))
      },
    })
  })
}
