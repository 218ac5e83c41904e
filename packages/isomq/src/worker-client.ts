export { connectWorker, type ConnectWorkerOptions, type HostPlace, type WorkerLink } from '@isomq/browser'
