import { toJsonSchema } from '@valibot/to-json-schema'
import type { Route } from './route.ts'

/** What can be called, as a document of OpenAPI 3.1. */
export function openApi(routes: readonly Route[], version: string): object {
  const paths = new Map<string, Map<string, object>>()
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')
    const methods = paths.get(path) ?? new Map<string, object>()
    paths.set(path, methods.set(route.method.toLowerCase(), operation(route)))
  }
  return {
    openapi: '3.1.0',
    info: { title: 'isomq', version },
    components: {
      securitySchemes: { session: { type: 'http', scheme: 'bearer' }, key: { type: 'http', scheme: 'basic' } },
      schemas: { Refusal: { type: 'object', properties: { code: { type: 'string' }, message: { type: 'string' } } } },
    },
    paths: Object.fromEntries(Array.from(paths, ([path, methods]) => [path, Object.fromEntries(methods)])),
  }
}

function operation({ path, summary, role, query = {}, body }: Route): object {
  const text = { type: 'string' }
  const parameters = [
    ...Array.from(path.matchAll(/:(\w+)/g), ([, name]) => ({ name, in: 'path', required: true, schema: text })),
    ...Object.entries(query).map(([name, description]) => ({ name, in: 'query', description, schema: text })),
  ]
  const refusal = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } } }
  return {
    summary,
    tags: [path.split('/')[3] ?? 'document'],
    ...(role === 'nobody' ? { security: [] } : { security: [{ session: [] }, { key: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: toJsonSchema(body, { errorMode: 'ignore' }) } },
          },
        }),
    responses: { '2XX': { description: 'It was done' }, '4XX': { description: 'It was refused', ...refusal } },
  }
}
