import { BrokerError, type Clock, type Credentials } from '@isomq/kernel'
import { createHash } from 'node:crypto'
import type { Check, Identity } from './identity.ts'
import { rulesOf } from './checks.ts'

/** Whom to ask over HTTP, and how. Milliseconds. */
export interface HttpHook {
  readonly url: string
  readonly timeout: number
  /** For how long an answer is kept; 0 not at all. */
  readonly cache: number
}

/** Answers kept; beyond it the oldest are forgotten. */
const most = 10_000
/** Bytes of an answer that are read. */
const largest = 64 * 1024

type Answer = { readonly identity: Identity | undefined; readonly isDenied: boolean; readonly until: number }

/**
 * Asks a program over HTTP: POST with `{clientid, username, password, peerhost, transport}`; 200 with `{result: "allow" | "deny" |
 * "ignore", username?, is_admin?, acl?, expire_at?}` (seconds since the epoch), 204 is `allow`. Whatever else comes, or nothing in time, refuses.
 */
export function httpCheck({ url, timeout, cache }: HttpHook, clock: Clock): Check {
  const kept = new Map<string, Answer>()
  return async (credentials) => {
    const body = JSON.stringify(question(credentials))
    // What is kept must not be passwords.
    const key = createHash('sha256').update(body).digest('base64')
    let answer = kept.get(key)
    if (answer === undefined || answer.until <= clock.now()) {
      answer = { ...(await ask(url, body, timeout)), until: clock.now() + cache }
      kept.delete(key)
      if (cache > 0) kept.set(key, answer)
      if (kept.size > most) kept.delete(kept.keys().next().value!)
    }
    if (answer.isDenied) throw new BrokerError('not-authenticated')
    return answer.identity
  }
}

function question({ clientId, username, password, peer }: Credentials): object {
  const text = password && new TextDecoder().decode(password)
  return { clientid: clientId, username, password: text, peerhost: peer.address, transport: peer.transport }
}

async function ask(url: string, body: string, timeout: number): Promise<Omit<Answer, 'until'>> {
  const username = (JSON.parse(body) as { username?: string }).username ?? ''
  try {
    const headers = { 'Content-Type': 'application/json' }
    const signal = AbortSignal.timeout(timeout)
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
    if (response.status === 204) return { identity: { username, admin: false }, isDenied: false }
    const text = response.status === 200 ? await response.text() : undefined
    if (text === undefined || text.length > largest) throw new Error(`it answered with status ${response.status}`)
    return read(JSON.parse(text) as unknown, username)
  } catch (error) {
    if (error instanceof BrokerError) throw error
    throw new BrokerError('unavailable', 'the program that is asked did not answer as it must', { cause: error })
  }
}

function read(answer: unknown, asked: string): Omit<Answer, 'until'> {
  const {
    result,
    username = asked,
    is_admin,
    acl,
    expire_at,
  } = Object(answer) as {
    readonly [name: string]: unknown
  }
  if (result === 'deny') return { identity: undefined, isDenied: true }
  if (result === 'ignore') return { identity: undefined, isDenied: false }
  if (result !== 'allow' || typeof username !== 'string') throw new Error('it said neither allow nor deny')
  const until = typeof expire_at === 'number' ? expire_at * 1000 : undefined
  return { identity: { username, admin: is_admin === true, until, rules: rulesOf(acl) }, isDenied: false }
}
