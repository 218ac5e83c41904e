import type { Exchange, Step } from '@isomq/kernel'
import { describe, expect, it, vi } from 'vitest'
import { makeVerifier, scramSha256, type ScramOptions, type Verifier } from '../src/index.ts'
import { ScramClient } from './client.ts'

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const pencil = makeVerifier('pencil', { salt })
const credentials = { clientId: 'c', peer: { transport: 'memory', secure: true } }

function exchange(options: Partial<ScramOptions> = {}): Exchange {
  const users = new Map<string, Verifier>([
    ['user', pencil],
    ['a,b=c', pencil],
    ['a=2Cb', pencil],
  ])
  const lookup = (name: string): Promise<Verifier | undefined> => Promise.resolve(users.get(name))
  return scramSha256({ lookup, nonce: () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0', ...options }).begin(credentials)
}

/** Says a text, and gives the answer as text. */
async function say(to: Exchange, text: string): Promise<Omit<Step, 'data'> & { readonly data: string }> {
  const { data, ...step } = await to.respond(Buffer.from(text))
  return { ...step, data: Buffer.from(data ?? []).toString() }
}

async function refused(answer: Promise<unknown>): Promise<void> {
  await expect(answer).rejects.toMatchObject({ name: 'BrokerError', code: 'not-authenticated' })
}

describe('RFC 7677, section 3', () => {
  const nonces = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const clientFinal = `c=biws,r=${nonces},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`

  it('its example goes byte for byte', async () => {
    const scram = exchange()
    expect(await say(scram, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')).toEqual({
      type: 'challenge',
      data: `r=${nonces},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    })
    expect(await say(scram, clientFinal)).toEqual({
      type: 'accepted',
      username: 'user',
      data: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    })
  })

  it('a proof of which any one bit is wrong is refused', async () => {
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64')
    for (let bit = 0; bit < proof.length * 8; bit += 7) {
      const wrong = Buffer.from(proof)
      wrong[bit >> 3]! ^= 1 << (bit & 7)
      const scram = exchange()
      await say(scram, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
      await refused(say(scram, `c=biws,r=${nonces},p=${wrong.toString('base64')}`))
    }
  })

  it.each([
    ['the nonce of the client alone', clientFinal.replace(nonces, 'rOprNGfwEbeRWgbNEkqO')],
    ['another nonce', clientFinal.replace('rOpr', 'sOpr')],
    ['another channel binding', clientFinal.replace('biws', 'eSws')],
    ['data bound to the channel', clientFinal.replace('biws', 'biwsYWJj')],
    ['no channel binding', clientFinal.replace('c=biws,', '')],
    ['attributes in another order', `r=${nonces},c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`],
    ['no proof', `c=biws,r=${nonces}`],
    ['an empty proof', `c=biws,r=${nonces},p=`],
    ['a proof that is no base64', `c=biws,r=${nonces},p=dHzbZapWIk4jUhN*Ute9ytag9zjfMHgsqmmiz7AndVQ=`],
    ['a proof that is too short', `c=biws,r=${nonces},p=dHzbZapWIk4jUhN+Ute9yg==`],
    ['something behind the proof', `${clientFinal},x=y`],
    ['an extension that must be understood', clientFinal.replace(',p=', ',m=x,p=')],
    ['the first message again', 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'],
    ['nothing at all', ''],
  ])('%s in the last message is refused', async (_, final) => {
    const scram = exchange()
    await say(scram, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    await refused(say(scram, final))
  })
})

describe('the last message, though it proves the password', () => {
  it.each([
    ['with the nonce of the client alone', { nonce: 'fyko+d2lbbFgONRv9qkxdawL' }],
    ['with the nonce of another exchange', { nonce: 'fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1' }],
    ['with another header', { header: 'y,,' }],
    ['with data bound to the channel', { header: 'n,,abc' }],
    ['for another user', { header: 'n,a=user,' }],
    ['with an extension that must be understood', { extension: ',m=x' }],
    ['with a second nonce', { extension: ',r=abc' }],
    ['with an extension without a value', { extension: ',x=' }],
  ])('%s is refused', async (_, changes) => {
    const client = new ScramClient('user', 'pencil')
    const scram = exchange()
    await refused(say(scram, client.final((await say(scram, client.first)).data, changes)))
  })
})

describe('the first message (RFC 5802, section 7)', () => {
  it.each([
    ['channel binding', 'p=tls-unique,,n=user,r=abc'],
    ['another flag', 'N,,n=user,r=abc'],
    ['no header', 'n=user,r=abc'],
    ['another user to act for', 'n,a=other,n=user,r=abc'],
    ['an empty user to act for', 'n,a=,n=user,r=abc'],
    ['something else in its place', 'n,b=user,n=user,r=abc'],
    ['an extension that must be understood', 'n,,m=x,n=user,r=abc'],
    ['the same at the end', 'n,,n=user,r=abc,m=x'],
    ['attributes in another order', 'n,,r=abc,n=user'],
    ['a second nonce', 'n,,n=user,r=abc,r=def'],
    ['no nonce', 'n,,n=user'],
    ['an empty nonce', 'n,,n=user,r='],
    ['a nonce with a space', 'n,,n=user,r=a b'],
    ['a nonce beyond ASCII', 'n,,n=user,r=ä'],
    ['an empty name', 'n,,n=,r=abc'],
    ['a name that SASLprep leaves nothing of', 'n,,n=\u00ad,r=abc'],
    ['a bare equals sign in the name', 'n,,n=us=er,r=abc'],
    ['an escape in small letters', 'n,,n=us=2cer,r=abc'],
    ['an extension without a value', 'n,,n=user,r=abc,x='],
    ['an extension without a name', 'n,,n=user,r=abc,=x'],
    ['a NUL', 'n,,n=us\0er,r=abc'],
    ['nothing at all', ''],
  ])('with %s is refused', async (_, first) => {
    await refused(say(exchange(), first))
  })

  it('that is not UTF-8 is refused', async () => {
    await refused(exchange().respond(Uint8Array.from([...Buffer.from('n,,n=user'), 0xff, ...Buffer.from(',r=abc')])))
  })

  it.each([
    ['user', { header: 'n,,' }],
    ['user', { header: 'y,,' }],
    ['user', { header: 'n,a=user,' }],
    ['a,b=c', { header: 'n,,' }],
    ['a=2Cb', { header: 'n,,' }],
    ['a,b=c', { header: 'y,a=a=2Cb=3Dc,' }],
  ])('of %s with %j is right', async (name, options) => {
    const client = new ScramClient(name, 'pencil', options)
    const scram = exchange()
    const { data } = await say(scram, client.first)
    const final = client.final(data)
    expect(await say(scram, final)).toEqual({ type: 'accepted', username: name, data: client.serverFinal })
  })

  it('may have extensions, and so may the last: they are passed over, and proven', async () => {
    const client = new ScramClient('user', 'pencil', { nonce: 'abc,x=1,Y==,' })
    const scram = exchange()
    await refused(say(scram, client.first))
    const good = new ScramClient('user', 'pencil', { nonce: 'abc,x=1,Y==' })
    const another = exchange({ nonce: () => 'xyz' })
    const { data } = await say(another, good.first)
    expect(data).toMatch(/^r=abcxyz,/)
    expect((await say(another, good.final(data, { extension: ',z=ä' }))).type).toBe('accepted')
  })

  it('may be missing: an empty question asks for it, once', async () => {
    const scram = exchange()
    expect(await scram.respond(undefined)).toEqual({ type: 'challenge', data: undefined })
    const client = new ScramClient('user', 'pencil')
    const { data } = await say(scram, client.first)
    expect((await say(scram, client.final(data))).type).toBe('accepted')
    const mute = exchange()
    await mute.respond(undefined)
    await refused(mute.respond(undefined))
  })

  it('names a user by its name after SASLprep', async () => {
    const lookup = vi.fn(() => Promise.resolve(pencil))
    const scram = exchange({ lookup })
    const client = new ScramClient('\u2168\u00ad\u00a0x', 'pencil', { header: 'n,a=IX x,' })
    const { data } = await say(scram, client.first)
    expect(await say(scram, client.final(data))).toMatchObject({ type: 'accepted', username: 'IX x' })
    expect(lookup.mock.calls).toEqual([['IX x']])
  })
})

describe('a user that does not exist', () => {
  async function challenge(name: string, options: Partial<ScramOptions>): Promise<string> {
    return (await say(exchange(options), `n,,n=${name},r=abc`)).data
  }
  const decoy = { secret: Buffer.from('secret'), iterations: 5000 }

  it('is asked as others are, with a salt of its own that stays the same', async () => {
    const [one, again, two] = [
      await challenge('nobody', { decoy }),
      await challenge('nobody', { decoy }),
      await challenge('none', { decoy }),
    ]
    expect(one).toBe(again)
    expect(one).not.toBe(two)
    expect(one).toMatch(/^r=abc%hvYDpWUa2RaTCAfuxFIlj\)hNlF\$k0,s=[\w+/]{22}==,i=5000$/)
    const other = { ...decoy, secret: Buffer.from('other') }
    expect(await challenge('nobody', { decoy: other })).not.toBe(one)
  })

  it('is asked the same by one authenticator although no secret is given', async () => {
    let count = 0
    const scram = scramSha256({ lookup: () => Promise.resolve(undefined), nonce: () => `nonce${(count += 1)}` })
    const salts = []
    for (let i = 0; i < 2; i++) {
      const { data } = await say(scram.begin(credentials), 'n,,n=nobody,r=abc')
      salts.push(data.split(',').slice(1))
    }
    expect(salts[0]).toEqual(salts[1])
    expect(salts[0]).toEqual([expect.stringMatching(/^s=[\w+/]{22}==$/), 'i=4096'])
  })

  it('is refused at the last message, as a wrong password is', async () => {
    for (const name of ['nobody', 'user']) {
      const client = new ScramClient(name, 'wrong')
      const scram = exchange()
      await refused(say(scram, client.final((await say(scram, client.first)).data)))
    }
  })

  it('a lookup that fails refuses with its own error', async () => {
    const scram = exchange({ lookup: () => Promise.reject(new Error('database')) })
    await expect(say(scram, 'n,,n=user,r=abc')).rejects.toThrow('database')
  })
})
