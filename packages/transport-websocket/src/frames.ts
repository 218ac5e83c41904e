// Peers bound the frames they take, some at a megabyte; a frame of this size passes all of them and costs nothing to speak of.
const largestFrame = 256 * 1024

/** Hands the bytes on in frames no peer refuses for their size. Frame boundaries mean nothing to MQTT. [MQTT-6.0.0-2] */
export function inFrames(bytes: Uint8Array, send: (frame: Uint8Array) => void): void {
  if (bytes.length <= largestFrame) {
    // An empty frame says nothing.
    if (bytes.length > 0) send(bytes)
    return
  }
  for (let at = 0; at < bytes.length; at += largestFrame) send(bytes.subarray(at, at + largestFrame))
}

/** What a close code of the peer means to the reader: undefined when it ended in order. */
export function endOf(code: number, reason: string): Error | undefined {
  // Normal, going away, none given.
  if (code === 1000 || code === 1001 || code === 1005) return undefined
  return new Error(`the WebSocket ended with code ${code}${reason === '' ? '' : `: ${reason}`}`)
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('the reader threw', { cause: thrown })
}
