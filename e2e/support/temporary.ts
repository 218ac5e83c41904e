import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eachTest, type Scope } from './scope.ts'

/** A new empty directory that is removed at the end. */
export function temporaryDirectory(scope: Scope = eachTest): string {
  const directory = mkdtempSync(join(tmpdir(), 'isomq-e2e-'))
  scope.add(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  return directory
}
