/** Who is at the other end of a connection, as far as the transport knows. */
export interface PeerInfo {
  /** `tcp`, `tls`, `ws`, `wss`, `memory`, … */
  readonly transport: string
  /** Numeric network address without port, where there is one. */
  readonly address?: string | undefined
  readonly port?: number | undefined
  /** True when nobody on the way can read or change the bytes. */
  readonly secure: boolean
  /** The peer's verified certificate, where the transport asked for one. */
  readonly certificate?:
    | {
        readonly commonName: string
        readonly fingerprint: string
        /** Its DNS names, mail addresses and URIs, in their order. */
        readonly alternativeNames?: readonly string[] | undefined
      }
    | undefined
  /** When the network peer was accepted (before TLS and HTTP), milliseconds since the epoch: a login's time is counted from here. */
  readonly acceptedAt?: number | undefined
  /** Web origin the peer claims to act for. */
  readonly origin?: string | undefined
}

/** What the owner of a connection is told. Calls never overlap, and none comes after `close`. */
export interface ConnectionReader {
  /** Bytes in order; chunk boundaries mean nothing. The reader may keep the array: a Uint8Array and nothing more, for the `slice` of Node's Buffer copies nothing. */
  data(bytes: Uint8Array): void
  /** Unsent bytes fell low enough to send again. Comes after a `send` that returned false. */
  drain(): void
  /** The connection has ended. Exactly once, last. An error says that it did not end in order. */
  close(error?: Error): void
}

/** An ordered, reliable duplex pipe of bytes to one peer. */
export interface Connection {
  readonly peer: PeerInfo
  /** Bytes accepted by `send` that have not left this process yet. */
  readonly bufferedAmount: number
  /** Called once. Nothing is delivered before, and nothing is lost because of it. */
  start(reader: ConnectionReader): void
  /** Gives the bytes away: the caller never touches them again. False: wait for `drain`. After `close` it does nothing and returns false. */
  send(bytes: Uint8Array): boolean
  /** Stop calling `data` (calls already under way may still arrive). */
  pause(): void
  resume(): void
  /** Without error: flush what was sent, then close. With an error: drop it and close now. Idempotent. */
  close(error?: Error): void
}

/** A place where connections arrive. */
export interface Listener {
  /** Where it listens, in the form users dial: `mqtt://127.0.0.1:1883`, `ws://127.0.0.1:8083/mqtt`. */
  readonly address: string
  /** Port in use (never 0), where there is one. */
  readonly port?: number | undefined
  /** Stop accepting. Resolves when nothing new can arrive; connections already accepted live on. */
  close(): Promise<void>
}
