import { BrokerError } from '@isomq/kernel'

/** What a database says of itself. */
export interface Stamp {
  /** 1. A later program may write another. */
  readonly format: number
  /** Given by chance when the database was made: one that was removed and made again is another. */
  readonly id: string
  /** One more each time it is opened. Only who opened it last may use it. */
  readonly epoch: number
  /** How many transactions have been committed: whether one is there can be told when its answer was lost. */
  readonly commits: number
}

const format = 1
/** Stamps that are kept for those who open the database while there is no room to write one. */
const spares = 8

/** What whoever opens a database puts in it: his stamp, and spares behind it. `found`: the stamp in it, undefined when it is new. Throws BrokerError `storage-failed`. */
export function claim(name: string, found: Stamp | undefined): readonly [Stamp, ...Stamp[]] {
  if (found !== undefined) refuseFormat(name, found)
  const { id, epoch, commits } = found ?? { id: randomId(), epoch: 0, commits: 0 }
  const stampOf = (after: number): Stamp => ({ format, id, epoch: epoch + 1 + after, commits })
  return [stampOf(0), ...Array.from({ length: spares }, (_, i) => stampOf(i + 1))]
}

/** What was found, if it is the stamp of the one who put `ours` in. Throws BrokerError `storage-failed` when somebody else did. */
export function own(name: string, found: Stamp | undefined, ours: Stamp): Stamp {
  if (found === undefined) throw gone(name)
  refuseFormat(name, found)
  if (found.id !== ours.id) throw gone(name)
  if (found.epoch === ours.epoch) return found
  throw new BrokerError('storage-failed', `another host has taken over the database ${name}`)
}

/** What was kept is not there any more. */
export function gone(name: string): BrokerError {
  return new BrokerError('storage-failed', `the database ${name} was removed, by the browser or by hand`)
}

function refuseFormat(name: string, found: Stamp): void {
  if (found.format === format) return
  throw new BrokerError(
    'storage-failed',
    `the database ${name} was written in format ${found.format}; this program knows formats up to ${format}`,
  )
}

function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-')
}
