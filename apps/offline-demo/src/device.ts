const animals = [
  'Badger',
  'Curlew',
  'Dipper',
  'Fox',
  'Hare',
  'Heron',
  'Kestrel',
  'Marten',
  'Otter',
  'Plover',
  'Stoat',
  'Wren',
]
const letters = '0123456789abcdefghijklmnopqrstuvwxyz'

/** Letters and digits by chance. */
export function randomText(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => letters[byte % letters.length]).join('')
}

/** What is the same in all tabs of this device, from one visit to the next. */
export const device = {
  id: kept('device', () => randomText(8)),
  get name(): string {
    return kept('name', () => animals[Math.floor(Math.random() * animals.length)]!)
  },
  set name(name: string) {
    localStorage.setItem('fieldlist.name', name)
  },
  /** The server to be linked to: the one that this page came from, unless another was named. */
  get server(): string {
    const asked = new URL(location.href).searchParams.get('server')
    if (asked !== null) localStorage.setItem('fieldlist.server', asked)
    return localStorage.getItem('fieldlist.server') ?? ownServer()
  },
  set server(url: string) {
    if (url === '' || url === ownServer()) localStorage.removeItem('fieldlist.server')
    else localStorage.setItem('fieldlist.server', url)
  },
}

/** MQTT over WebSocket where the page is from. */
export function ownServer(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/mqtt`
}

function kept(name: string, make: () => string): string {
  const key = `fieldlist.${name}`
  const before = localStorage.getItem(key)
  if (before !== null) return before
  const made = make()
  localStorage.setItem(key, made)
  return made
}
