export { connectTcp, type ConnectTcpOptions, type TcpClientTls } from './connect-tcp.ts'
export { listenTcp, type ListenTcpOptions, type Preamble, type TcpListener, type TcpServerTls } from './listen-tcp.ts'
