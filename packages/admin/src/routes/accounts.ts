import * as v from 'valibot'
import { ApiError, notFound } from '../api-error.ts'
import { Accounts } from '../accounts.ts'
import { type Call, Reply, type Route } from '../route.ts'
import type { Parts } from './parts.ts'

const role = v.optional(v.picklist(['administrator', 'viewer']), 'viewer')
const name = v.pipe(v.string(), v.regex(/^[\w.@-]{1,64}$/, 'letters, digits and . @ - _ alone'))
const password = v.pipe(v.string(), v.minLength(8, 'at least 8 characters'), v.maxLength(256))
const loginBody = v.object({ username: v.string(), password: v.pipe(v.string(), v.maxLength(256)) })
const userBody = v.object({ username: name, password, role })
const passwordBody = v.object({ old_pwd: v.pipe(v.string(), v.maxLength(256)), new_pwd: password })
const keyBody = v.object({ name, role })

/** Who may use this API. */
export function accountRoutes({ accounts }: Parts): Route[] {
  if (!(accounts instanceof Accounts)) return []
  return [
    {
      method: 'POST',
      path: '/api/v5/login',
      summary: 'A token for a user and a password',
      role: 'nobody',
      body: loginBody,
      handle: ({ body, address }: Call<v.InferOutput<typeof loginBody>>) =>
        accounts.login(body.username, body.password, address),
    },
    {
      method: 'GET',
      path: '/api/v5/users',
      summary: 'Users of this API',
      role: 'administrator',
      handle: () => accounts.users(),
    },
    {
      method: 'POST',
      path: '/api/v5/users',
      summary: 'A new user',
      role: 'administrator',
      body: userBody,
      async handle({ body }: Call<v.InferOutput<typeof userBody>>) {
        if ((await accounts.users()).some(({ username }) => username === body.username))
          throw new ApiError(409, 'ALREADY_EXISTS', 'There is a user of this name')
        await accounts.setUser(body.username, body.password, body.role)
        return new Reply(201, { username: body.username, role: body.role })
      },
    },
    {
      method: 'DELETE',
      path: '/api/v5/users/:username',
      summary: 'Deletes a user, and ends what he has open',
      role: 'administrator',
      async handle({ param, caller }: Call) {
        if (param('username') === caller.name) throw new ApiError(400, 'NOT_ALLOWED', 'Nobody deletes himself')
        if (!(await accounts.deleteUser(param('username')))) throw notFound('USER_NOT_FOUND', 'There is no such user')
        return new Reply(204)
      },
    },
    {
      method: 'POST',
      path: '/api/v5/users/:username/change_pwd',
      summary: 'Another password; the old one must be known',
      role: 'viewer',
      body: passwordBody,
      async handle({ param, body, caller, address }: Call<v.InferOutput<typeof passwordBody>>) {
        const username = param('username')
        if (caller.name !== username) throw new ApiError(403, 'FORBIDDEN', 'Everybody changes his own')
        const { role: own } = await accounts.login(username, body.old_pwd, address)
        await accounts.setUser(username, body.new_pwd, own)
        return new Reply(204)
      },
    },
    {
      method: 'GET',
      path: '/api/v5/api_key',
      summary: 'Keys for programs',
      role: 'administrator',
      handle: () => accounts.keys(),
    },
    {
      method: 'POST',
      path: '/api/v5/api_key',
      summary: 'A new key; its secret is told this once',
      role: 'administrator',
      body: keyBody,
      handle: async ({ body }: Call<v.InferOutput<typeof keyBody>>) =>
        new Reply(201, { name: body.name, role: body.role, ...(await accounts.createKey(body.name, body.role)) }),
    },
    {
      method: 'DELETE',
      path: '/api/v5/api_key/:key',
      summary: 'Deletes a key',
      role: 'administrator',
      async handle({ param }: Call) {
        if (!(await accounts.deleteKey(param('key')))) throw notFound('NOT_FOUND', 'There is no such key')
        return new Reply(204)
      },
    },
  ]
}
