import type { Clock } from '@isomq/kernel'

/** The platform's clock. Its timers keep no process alive. */
export const platformClock: Clock = {
  now: () => performance.now(),
  timer(milliseconds, callback) {
    const handle: unknown = setTimeout(callback, milliseconds)
    // A number in browsers.
    if (typeof handle === 'object' && handle !== null && 'unref' in handle) (handle as { unref(): void }).unref()
    return { cancel: () => clearTimeout(handle as number) }
  },
}
