import {
  BrokerError,
  type Credentials,
  type ErrorCode,
  type Guard,
  type Host,
  type PeerInfo,
  type Principal,
  readUtf8,
} from '@isomq/kernel'

/** What a client shows to be let in. */
export interface Login {
  readonly clientId: string
  readonly username: string | undefined
  /** As text; undefined when there is none, or it is not UTF-8. */
  readonly password: string | undefined
  readonly passwordBytes: Uint8Array | undefined
  readonly peer: PeerInfo
  /** Set where an exchange has proven the user name, such as `SCRAM-SHA-256`: there is no password then. */
  readonly provenBy: string | undefined
}

/** Who was let in. */
export type Client = Principal

/** Why somebody is not let in. */
export type LoginError = Extract<ErrorCode, 'banned' | 'not-authenticated' | 'not-authorized' | 'unavailable'>

/**
 * Who may come in and do what; everybody may everything where a hook is left out. A hook that throws or rejects refuses:
 * with a BrokerError that is meant, anything else is reported besides.
 */
export interface Hooks {
  /** True, or `{ ok: true }`, lets the client in; the user name is then the one it gave, unless the answer names another. */
  authenticate?(
    login: Login,
  ): Answer<
    boolean | { readonly ok: boolean; readonly username?: string | undefined; readonly error?: LoginError | undefined }
  >
  /** False, or a throw, refuses the message. */
  authorizePublish?(client: Client, publication: { readonly topic: string }): Answer<boolean | void>
  /** False or null, or a throw, refuses the subscription. */
  authorizeSubscribe?(client: Client, subscription: { readonly filter: string }): Answer<unknown>
  /** False: messages of this topic are kept from this client. Asked once per topic until `policyChanged`. */
  authorizeForward?(client: Client, message: { readonly topic: string }): boolean
}

type Answer<T> = T | Promise<T>

/** A guard that asks the hooks, and how to tell that their answers have changed. */
export function hookGuard(hooks: Hooks, report: Host['report']): { readonly guard: Guard; policyChanged(): void } {
  let version = 0
  const refuse = (error: unknown): boolean => {
    if (!(error instanceof BrokerError)) report(error, 'asking a hook')
    return false
  }
  const ask = (hook: () => unknown): boolean | Promise<boolean> => {
    try {
      const answer = hook()
      return answer instanceof Promise ? answer.then(isYes, refuse) : isYes(answer)
    } catch (error) {
      return refuse(error)
    }
  }
  const guard: Guard = {
    authenticate: (credentials) => authenticate(hooks, credentials),
    authorize(client, action, topic) {
      if (action === 'publish')
        return hooks.authorizePublish === undefined || ask(() => hooks.authorizePublish!(client, { topic }))
      return hooks.authorizeSubscribe === undefined || ask(() => hooks.authorizeSubscribe!(client, { filter: topic }))
    },
    receives: (client, topic) => hooks.authorizeForward?.(client, { topic }) ?? true,
    get version() {
      return version
    },
  }
  return { guard, policyChanged: () => void version++ }
}

async function authenticate(hooks: Hooks, credentials: Credentials): Promise<Principal> {
  const { clientId, username, password, peer, provenBy } = credentials
  if (hooks.authenticate === undefined) return { clientId, username }
  const text = password === undefined ? undefined : readUtf8(password, 0, password.length)
  const answer = await hooks.authenticate({
    clientId,
    username,
    password: text,
    passwordBytes: password,
    peer,
    provenBy,
  })
  const {
    ok,
    username: name = username,
    error = 'not-authenticated',
  } = typeof answer === 'object' ? answer : { ok: answer }
  if (ok !== true) throw new BrokerError(error)
  return { clientId, username: name }
}

// Hooks that return nothing refuse by throwing.
function isYes(answer: unknown): boolean {
  return answer !== false && answer !== null
}
