import { createServer, type AddressInfo, type Socket } from 'node:net'

// The control's process. A connection begins with one line, `P<group>` or `S<group>`, which is answered with `k`.
// From then on each chunk of a publisher is written as it is to all subscribers of its group.
const groups = new Map<string, Socket[]>()

function join(socket: Socket, part: string | undefined, group: string): void {
  const subscribers = groups.get(group) ?? []
  groups.set(group, subscribers)
  if (part === 'S') subscribers.push(socket)
  else {
    socket.on('data', (chunk) => {
      for (const subscriber of subscribers) subscriber.write(chunk)
    })
  }
  socket.write('k')
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.once('data', (line) => join(socket, String(line)[0], String(line).slice(1).trim()))
  socket.on('error', () => socket.destroy())
})

server.listen(0, '127.0.0.1', 1024, () => console.log(`relay://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.stdin.resume().once('end', () => process.exit())
