const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = 'January February March April May June July August September October November December'.split(' ')

/** One strftime(3) sequence of a local time, by its letter; `N` is nanoseconds. Undefined for a letter that is not known. */
export function formatTime(letter: string, time: number): string | undefined {
  const date = new Date(time)
  switch (letter) {
    case '@':
      return '@'
    case 'a':
      return (days[date.getDay()] ?? '').slice(0, 3)
    case 'A':
      return days[date.getDay()]
    case 'b':
      return (months[date.getMonth()] ?? '').slice(0, 3)
    case 'B':
      return months[date.getMonth()]
    case 'd':
      return pad(date.getDate())
    case 'D':
      return join(time, 'm/d/y')
    case 'e':
      return String(date.getDate()).padStart(2)
    case 'F':
      return join(time, 'Y-m-d')
    case 'H':
      return pad(date.getHours())
    case 'I':
      return pad(date.getHours() % 12 || 12)
    case 'j':
      return pad(dayOfYear(date), 3)
    case 'm':
      return pad(date.getMonth() + 1)
    case 'M':
      return pad(date.getMinutes())
    case 'n':
      return '\n'
    case 'N':
      return `${pad(date.getMilliseconds(), 3)}000000`
    case 'p':
      return date.getHours() < 12 ? 'AM' : 'PM'
    case 'R':
      return join(time, 'H:M')
    case 's':
      return String(Math.floor(time / 1000))
    case 'S':
      return pad(date.getSeconds())
    case 't':
      return '\t'
    case 'T':
      return join(time, 'H:M:S')
    case 'u':
      return String(date.getDay() || 7)
    case 'w':
      return String(date.getDay())
    case 'y':
      return pad(date.getFullYear() % 100)
    case 'Y':
      return String(date.getFullYear())
    case 'z':
      return zone(date)
    default:
      return undefined
  }
}

/** `2016-08-10T09:47:38+0100`; with microseconds `2016-08-10T09:47:38.123000+0100`. Local time. */
export function isoTime(time: number, microseconds: boolean = false): string {
  const part = (letter: string): string => formatTime(letter, time) ?? ''
  return `${part('F')}T${part('T')}${microseconds ? `.${part('N').slice(0, 6)}` : ''}${part('z')}`
}

function pad(value: number, width: number = 2): string {
  return String(value).padStart(width, '0')
}

/** Several sequences, their letters between other characters. */
function join(time: number, format: string): string {
  return format.replaceAll(/[a-zA-Z]/g, (letter) => formatTime(letter, time) ?? letter)
}

function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}${String(size % 60).padStart(2, '0')}`
}

function dayOfYear(date: Date): number {
  const start = Date.UTC(date.getFullYear(), 0, 1)
  return (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - start) / 86_400_000 + 1
}
