import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { Aedes } from 'aedes'
import { createWebSocketStream, WebSocketServer } from 'ws'

// The process that runs aedes: all options at their defaults, memory persistence, Nagle off.
const broker = await Aedes.createBroker()

const tcp = createServer({ noDelay: true }, (socket) => broker.handle(socket))

const http = createHttpServer({ noDelay: true })
const webSockets = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  handleProtocols: (offered) => offered.has('mqtt') && 'mqtt',
})
webSockets.on('connection', (socket, request) => broker.handle(createWebSocketStream(socket), request))

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1024, resolve))
  return (server.address() as AddressInfo).port
}

console.log(`mqtt://127.0.0.1:${await listen(tcp)}`)
console.log(`ws://127.0.0.1:${await listen(http)}/mqtt`)
process.stdin.resume().once('end', () => process.exit())
