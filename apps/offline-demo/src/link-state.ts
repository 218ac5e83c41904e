/** How the broker of this device is linked to the server, as its worker tells the pages. */
export interface LinkState {
  readonly status: 'connecting' | 'connected' | 'waiting' | 'closed'
  /** When the next attempt is made, milliseconds since the epoch. */
  readonly nextRetryAt?: number | undefined
  readonly error?: string | undefined
  readonly server: string
}
