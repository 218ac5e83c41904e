export { listen, type ListenOptions, type Listening, type TcpOptions, type WsOptions } from './listen.ts'
export { streamBuilder } from './stream.ts'
