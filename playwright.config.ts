import { defineConfig } from 'playwright/test'
import { chromiumPath } from './e2e/support/chromium.ts'

// Tests in a real browser: `e2e/*.spec.ts`. Everything else runs under vitest.
const executablePath = chromiumPath()

export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  globalSetup: './e2e/support/install-chromium.ts',
  outputDir: 'test-results',
  forbidOnly: Boolean(process.env['CI']),
  workers: 1,
  timeout: 60_000,
  use: {
    screenshot: 'only-on-failure',
    launchOptions: executablePath === undefined ? {} : { executablePath },
  },
})
