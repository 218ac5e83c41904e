import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import { eachTest, type Scope } from './scope.ts'
import { unique } from './unique.ts'
import { within } from './within.ts'

type IAuthPacket = Parameters<MqttClient['handleAuth']>[0]

/** The method as CONNECT names it. */
export const method = 'SCRAM-SHA-256'

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** A client's side of one exchange, on Node's own cryptography. */
class Scram {
  readonly #password: string
  readonly #bare: string
  #salted: Buffer = Buffer.alloc(0)
  #message = ''

  constructor(username: string, password: string) {
    this.#password = password
    this.#bare = `n=${username},r=${randomBytes(18).toString('base64')}`
  }

  get first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`)
  }

  /** The last message, given the question of the server. */
  answer(question: Buffer): Buffer {
    const [, nonce = '', salt = '', rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(question.toString()) ?? []
    this.#salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256')
    const withoutProof = `c=biws,r=${nonce}`
    this.#message = `${this.#bare},${question.toString()},${withoutProof}`
    const key = hmac(this.#salted, 'Client Key')
    const signature = hmac(createHash('sha256').update(key).digest(), this.#message)
    const proof = Buffer.from(key.map((byte, i) => byte ^ (signature[i] ?? 0)))
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** Whether this could only come from a server that has the verifier. */
  trusts(last: Buffer | undefined): boolean {
    return last?.toString() === `v=${hmac(hmac(this.#salted, 'Server Key'), this.#message).toString('base64')}`
  }
}

/** An MQTT.js client that logs in by SCRAM. */
export interface ScramClient {
  readonly client: MqttClient
  readonly connack: IConnackPacket
  /** True: the broker has shown that it knows the user. */
  readonly trusted: boolean
  /** Proves anew who it is; resolves when the broker has accepted, with whether it has shown the same again. */
  again(user: readonly [username: string, password: string]): Promise<boolean>
}

/** Connects MQTT.js by SCRAM; rejects when the broker refuses. */
export async function connectScram(
  url: string | undefined,
  [username, password]: readonly [username: string, password: string],
  options: IClientOptions = {},
  scope: Scope = eachTest,
): Promise<ScramClient> {
  let scram = new Scram(username, password)
  let accepted: (packet: IAuthPacket) => void = () => undefined
  const properties = { authenticationMethod: method, authenticationData: scram.first }
  const client = mqtt.connect(url ?? 'mqtt://none', {
    protocolVersion: 5,
    reconnectPeriod: 0,
    clientId: unique('scram'),
    ...options,
    properties,
    manualConnect: true,
  })
  scope.add(() => client.endAsync(true).catch(() => undefined))
  client.handleAuth = (packet, callback) => {
    if (packet.reasonCode === 0) {
      accepted(packet)
      return callback()
    }
    const authenticationData = scram.answer(packet.properties?.authenticationData ?? Buffer.alloc(0))
    callback(undefined, auth(0x18, authenticationData))
  }
  const entered = new Promise<IConnackPacket>((resolve, reject) => {
    client.once('connect', resolve)
    client.on('error', reject)
    client.once('close', () => reject(new Error('closed before CONNACK')))
  })
  client.connect()
  const connack = await within(entered, 'a CONNACK')
  return {
    client,
    connack,
    trusted: scram.trusts(connack.properties?.authenticationData),
    async again(user) {
      scram = new Scram(...user)
      const answer = new Promise<IAuthPacket>((resolve, reject) => {
        accepted = resolve
        client.once('disconnect', (packet) => reject(new Error(`DISCONNECT ${packet.reasonCode}`)))
      })
      // MQTT.js answers AUTH by itself, but has no call to begin with one.
      client['_sendPacket'](auth(0x19, scram.first))
      return scram.trusts((await within(answer, 'AUTH')).properties?.authenticationData)
    },
  }
}

function auth(reasonCode: number, authenticationData: Buffer): IAuthPacket {
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod: method, authenticationData } }
}
