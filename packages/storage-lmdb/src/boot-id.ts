import { readIfThere } from './read-if-there.ts'

/** Another after each start of the machine. Empty where the system does not tell. */
export function bootId(): string {
  return readIfThere('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}
