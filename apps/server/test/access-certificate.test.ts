import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { generate } from 'mqtt-packet'
import { expect, test, vi } from 'vitest'
import { afterwards, folderWith, start } from './access-harness.ts'

function certificate(folder: string, name: string): { key: string; cert: string } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}.example,email:${name}@example`]
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key, cert }
}

test.each([
  ['cn', 'device'],
  ['san', 'device.example'],
] as const)('the name in a verified certificate (%s) is the user, whatever CONNECT says', async (which, user) => {
  const folder = folderWith({})
  const [server, device, stranger] = ['server', 'device', 'stranger'].map((name) => certificate(folder, name))
  const { lines, server: running } = await start({
    'listeners.mqtts': { port: 0, ...server, ca: device!.cert, requestCert: true },
    'authentication.certificate': which,
    'authorization.rules': [{ effect: 'allow', users: [user], publish: ['own/%u'] }],
  })
  const port = Number(new URL(running.urls.find((each) => each.startsWith('mqtts'))!).port)
  const login = {
    cmd: 'connect',
    clientId: 'c',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    username: 'root',
  } as const
  const publish = {
    cmd: 'publish',
    messageId: 1,
    qos: 1,
    topic: `own/${user}`,
    payload: 'x',
    dup: false,
    retain: false,
  } as const
  const talk = (files: { key: string; cert: string }): Promise<string> =>
    new Promise((resolve) => {
      const [key, cert] = [readFileSync(files.key), readFileSync(files.cert)]
      const socket = connectTls({ port, host: '127.0.0.1', key, cert, rejectUnauthorized: false }, () => {
        socket.write(Buffer.concat([generate(login), generate(publish)]))
      })
      afterwards(() => socket.destroy())
      let text = ''
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('hex')
        if (text.length >= 16) resolve(text)
      })
      socket.on('error', () => resolve('refused'))
      socket.on('close', () => resolve('closed'))
    })
  expect(await talk(device!)).toBe('2002000040020001')
  await vi.waitFor(() => expect(lines.join('')).toMatch(new RegExp(`client connected .*user="?${user}"?`)))
  expect(await talk(stranger!)).toMatch(/refused|closed/)
})
