import type { PeerInfo } from '@isomq/kernel'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** What a socket tells of its peer. A certificate is named only when it was asked for and verified. */
export function peerInfo(socket: Socket): PeerInfo {
  const tls = socket instanceof TLSSocket
  return {
    transport: tls ? 'wss' : 'ws',
    secure: tls,
    // An IPv4 address is one address, whether it came in through an IPv4 or an IPv6 socket.
    address: socket.remoteAddress?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, ''),
    port: socket.remotePort,
    certificate: tls ? certificate(socket) : undefined,
  }
}

function certificate(socket: TLSSocket): PeerInfo['certificate'] {
  if (!socket.authorized) return undefined
  // An empty object where the peer showed none.
  const { subject, fingerprint256, subjectaltname = '' } = socket.getPeerCertificate()
  if (!subject || !fingerprint256) return undefined
  const names: unknown = subject.CN
  const commonName: unknown = Array.isArray(names) ? names[0] : names
  const alternativeNames = namesOf(subjectaltname)
  return {
    commonName: typeof commonName === 'string' ? commonName : '',
    fingerprint: fingerprint256,
    ...(alternativeNames.length === 0 ? {} : { alternativeNames }),
  }
}

/** As Node writes it: `DNS:a.example, email:b@example, IP Address:…`; what has characters that could deceive is in quotes, and is passed over. */
function namesOf(text: string): string[] {
  if (text.includes('"')) return []
  return Array.from(text.matchAll(/(?:^|, )(?:DNS|email|URI):([^,]+)/g), ([, name]) => name!)
}
