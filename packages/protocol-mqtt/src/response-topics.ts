const root = '$response/'

/**
 * The prefix below which this client alone may subscribe, so that others can answer it there; Response Information of
 * CONNACK (section 3.2.2.3.15). Undefined for an identifier that would be a wildcard or several levels in a topic.
 */
export function responsePrefix(clientId: string): string | undefined {
  return /[/+#]/.test(clientId) ? undefined : `${root}${clientId}/`
}

/** Whether a filter (`$share/…` and the like taken off) could match what is meant for another client than this one. */
export function isOthersResponse(filter: string, clientId: string): boolean {
  if (!filter.startsWith(root)) return false
  const prefix = responsePrefix(clientId)
  // `$response/me` alone has no level below it, and is the client's own as well.
  return prefix === undefined || !`${filter}/`.startsWith(prefix)
}
