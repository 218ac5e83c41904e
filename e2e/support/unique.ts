let count = 0

/** A name nobody else uses: for topics and client ids. Short enough for MQTT 3.1. */
export function unique(what: string): string {
  count += 1
  return `${what}-${process.pid.toString(36)}-${count.toString(36)}`
}
