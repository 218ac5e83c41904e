// vitest runs this before each file of end-to-end tests.
import { afterEach } from 'vitest'
import { eachTest } from './scope.ts'

afterEach(() => eachTest.end())
