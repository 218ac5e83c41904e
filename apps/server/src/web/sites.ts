import type { IncomingMessage, ServerResponse } from 'node:http'
import sirv from 'sirv'

/** A folder of files that is served below a URL path. */
export interface SiteSettings {
  /** Begins with a slash and does not end with one, such as `/demo`; `/` alone is everything that no other has. */
  readonly path: string
  readonly directory: string
}

/** Answers a plain request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** What is wrong with a list of sites, each with the key in it; nothing else is read than the list. */
export function siteFaults(sites: readonly SiteSettings[]): { readonly path: string; readonly message: string }[] {
  return sites.flatMap(({ path }, i) => {
    const at = `sites.${i}.path`
    if (!/^\/(?:[\w~-][\w.~-]*(?:\/[\w~-][\w.~-]*)*)?$/.test(path))
      return [{ path: at, message: `must be a URL path such as /app, not ${JSON.stringify(path)}` }]
    if (sites.findIndex((each) => each.path === path) < i) return [{ path: at, message: `(${path}) is there twice` }]
    return []
  })
}

/** Serves the files of sites; the longest path that fits has a request, and what is in none is answered with 404. Only GET and HEAD; `others` go before, with whatever method. */
export function answerWithSites(
  sites: readonly SiteSettings[],
  others: (path: string) => Answer | undefined = () => undefined,
): Answer {
  const byLength = sites
    .map(({ path, directory }) => ({ path: path === '/' ? '' : path, files: filesOf(directory) }))
    .sort((a, b) => b.path.length - a.path.length)
  return (request, response) => {
    const { method, url = '/' } = request
    const [path = '/', query] = url.split('?', 2)
    const other = others(path)
    if (other !== undefined) return other(request, response)
    if (method !== 'GET' && method !== 'HEAD')
      return refuse(response, 405, 'Only GET and HEAD.', { Allow: 'GET, HEAD' })
    const site = byLength.find((each) => path === each.path || path.startsWith(`${each.path}/`))
    if (site === undefined || isHidden(path)) return refuse(response, 404, 'Nothing here.')
    // Relative addresses in the page count from the folder.
    if (path === site.path)
      return refuse(response, 308, 'It is a folder.', { Location: `${path}/${query === undefined ? '' : `?${query}`}` })
    request.url = url.slice(site.path.length)
    site.files(request, response, () => refuse(response, 404, 'Nothing here.'))
  }
}

/** Whether it names a file that begins with a dot, or leads upwards, or says nothing. */
function isHidden(path: string): boolean {
  try {
    return /[/\\]\.(?!well-known\/)/.test(decodeURIComponent(path))
  } catch {
    return true
  }
}

/** Answers with a line of text. */
function refuse(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'text/plain', ...safe, ...headers })
  response.end(`${text}\n`)
}

const safe = { 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' } as const

/** Looks at the folder anew each time, so that a build beside a running broker is seen. Hidden files are not served. */
function filesOf(directory: string): ReturnType<typeof sirv> {
  return sirv(directory, {
    dev: true,
    etag: true,
    setHeaders(response, path) {
      // What a bundler has named by its content never changes.
      const lasting = /\/assets\/.*-[\w-]{8,}\.\w+$/.test(path)
      response.setHeader('Cache-Control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache')
      for (const [name, value] of Object.entries(safe)) response.setHeader(name, value)
    },
  })
}
