import { isIP } from 'node:net'

/** Whether a host or address is this machine alone. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  if (isIP(host) === 4) return host.startsWith('127.')
  return isIP(host) === 6 && /^(::1|(0{1,4}:){7}0{0,3}1|::ffff:127\..*)$/i.test(host)
}
