import { spawnSync } from 'node:child_process'
import { describe, test } from 'vitest'

/** A program that others made, which may or may not be on this machine. */
export interface Peer {
  readonly name: string
  /** Why it cannot be used here; undefined where it can. */
  missing(): string | undefined
}

const found = (command: string): boolean => spawnSync('sh', ['-c', 'command -v "$0"', command]).status === 0

/** The clients of mosquitto. */
export const mosquittoClients: Peer = {
  name: 'mosquitto-clients',
  missing: () => {
    const absent = ['mosquitto_pub', 'mosquitto_sub', 'mosquitto_rr'].filter((command) => !found(command))
    return absent.length > 0 ? `${absent.join(', ')} not installed` : undefined
  },
}

/** The mosquitto broker, and its clients. */
export const mosquittoBroker: Peer = {
  name: 'mosquitto',
  missing: () => (found('mosquitto') ? mosquittoClients.missing() : 'mosquitto not installed'),
}

/** Gives a program a terminal. */
export const script: Peer = {
  name: 'script',
  missing: () => (found('script') ? undefined : 'script not installed'),
}

/** Eclipse Paho for Python. */
export const pahoPython: Peer = {
  name: 'python3-paho-mqtt',
  missing: () => {
    const { status } = spawnSync(python, ['-c', 'import paho.mqtt.client'])
    return status === 0 ? undefined : `${python} has no module paho.mqtt.client`
  },
}

/** The Python that the system's packages belong to. */
export const python = '/usr/bin/python3'

/** The `strace` command, where it may look at processes. */
export const strace: Peer = {
  name: 'strace',
  missing: () => {
    if (!found('strace')) return 'strace not installed'
    const { status } = spawnSync('strace', ['-f', '-o', '/dev/null', '--seccomp-bpf', 'true'])
    return status === 0 ? undefined : 'strace may not trace here'
  },
}

/** The `openssl` command. */
export const openssl: Peer = {
  name: 'openssl',
  missing: () => (found('openssl') ? undefined : 'openssl not installed'),
}

/** Firefox, by whatever name the system has it. */
export const firefox: Peer & { readonly command: string } = {
  name: 'firefox',
  command: ['firefox-esr', 'firefox'].find(found) ?? '',
  missing: () => (firefox.command === '' ? 'firefox not installed' : undefined),
}

/** Whether a machine that lacks a peer has failed. */
const required = Boolean(process.env['CI']) || process.env['ISOMQ_REQUIRE_PEERS'] === '1'

/** A block of tests that need these peers. Where one is missing they are skipped and the reason is printed; with CI or ISOMQ_REQUIRE_PEERS=1 that is a failure. */
export function describeWith(peers: readonly Peer[], title: string, body: () => void): void {
  const reasons = peers.flatMap((peer) => peer.missing() ?? [])
  if (reasons.length === 0) {
    describe(title, body)
  } else if (required) {
    test(title, () => {
      throw new Error(reasons.join('; '))
    })
  } else {
    process.stderr.write(`skipped: ${title}: ${reasons.join('; ')}\n`)
    describe.skip(title, body)
  }
}
