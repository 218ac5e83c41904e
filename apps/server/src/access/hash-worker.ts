import { parseHash, verifyPassword } from '@isomq/auth-password'
import { parentPort } from 'node:worker_threads'
import type { HashTask } from './hash-pool.ts'

// Hashes that take long, on a thread of their own.
parentPort?.on('message', ({ id, password, hash }: HashTask) => {
  const kept = parseHash(hash)
  const answer = kept === undefined ? Promise.resolve(false) : verifyPassword(password, kept).catch(() => false)
  void answer.then((isRight) => parentPort?.postMessage({ id, isRight }, []))
})
