const prefix = '$broker/'

/** Id of the session in which a part of the broker itself, as a link to another broker, is owed messages. */
export function ownSession(name: string): string {
  return prefix + name
}

/**
 * Whether a session is the broker's own. It passes no entrance, no guard asks after it, and it is bounded by what the log
 * may hold alone. Protocols let no client have such an id.
 */
export function isOwnSession(id: string): boolean {
  return id.startsWith(prefix)
}
