/** Why the broker refused. Each protocol maps all of them to its own codes. */
export type ErrorCode =
  | 'banned'
  | 'invalid-filter'
  | 'invalid-topic'
  | 'not-authenticated'
  | 'not-authorized'
  | 'packet-too-large'
  | 'quota-exceeded'
  | 'rate-exceeded'
  | 'session-taken-over'
  | 'shutting-down'
  | 'storage-failed'
  | 'timeout'
  | 'unavailable'

/** A refusal. Anything else that is thrown is a bug. */
export class BrokerError extends Error {
  override readonly name: string = 'BrokerError'
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string = code, options?: { readonly cause?: unknown }) {
    super(message)
    this.code = code
    if (options?.cause !== undefined) Object.defineProperty(this, 'cause', { value: options.cause, enumerable: false })
  }
}
