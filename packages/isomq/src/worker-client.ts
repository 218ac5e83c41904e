export { connectWorker, type ConnectWorkerOptions, type WorkerLink } from '@isomq/browser'
