/** Told to a worker: it hosts, and other pages reach it on these channels: on the second of them whoever knows no more than the name. Told to all tabs: there is a new host. */
export interface Announcement {
  readonly isomq: 'host'
  readonly channels: readonly [own: string, common: string]
}

/** A new host; the channel of its own keeps it apart from one before that has not ended yet. */
export function announcement(name: string): Announcement {
  return { isomq: 'host', channels: [`${name} ${crypto.randomUUID()}`, `${name}#calls`] }
}

export function isAnnouncement(value: unknown): value is Announcement {
  return (
    typeof value === 'object' && value !== null && 'isomq' in value && value.isomq === 'host' && 'channels' in value
  )
}
