import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { flatten } from './flatten.ts'
import type { Layer, Source } from './source.ts'

const stem = 'isomq.config'
const extensions = ['.json', '.yaml', '.yml', '.ts', '.js', '.mjs']

/** The keys of a configuration file, and its path as it is named in messages; no path where there is no file. */
export interface FileLayer extends Layer {
  readonly path?: string | undefined
}

/** Reads this file or, where none is named, the one `isomq.config.*` of the directory, if there is one. */
export async function readConfigFile(directory: string, named?: string): Promise<FileLayer> {
  const found = named === undefined ? await findFiles(directory) : [named]
  const [path] = found
  if (path === undefined) return { assignments: [], problems: [] }
  if (found.length > 1)
    return failed(found.join(' and '), 'there is more than one; keep one, or choose it with --config')
  const full = resolve(directory, path)
  const extension = extname(path)
  if (!extensions.includes(extension)) return failed(path, `must end in ${extensions.join(', ')}`)
  try {
    if (extension === '.ts' || extension === '.js' || extension === '.mjs')
      return await readModule(full, path, extension)
    // Loaded when there is a document to read: it is the larger part of what starting a broker takes.
    const { readDocument } = await import('./document.ts')
    return { ...readDocument(await readFile(full, 'utf8'), path, extension === '.json'), path }
  } catch (error) {
    return failed(path, explain(error))
  }
}

async function findFiles(directory: string): Promise<string[]> {
  const names: string[] = await readdir(directory).catch(() => [])
  return extensions.map((extension) => stem + extension).filter((name) => names.includes(name))
}

async function readModule(full: string, path: string, extension: string): Promise<FileLayer> {
  if (extension === '.ts' && !readsTypeScript()) {
    return failed(
      path,
      `Node ${process.versions.node} cannot read TypeScript; use .mjs, .js or .yaml, or Node 22.18 or later`,
    )
  }
  await readFile(full)
  const module = (await import(pathToFileURL(full).href)) as { readonly default?: unknown }
  if (module.default === undefined) return failed(path, 'must have the configuration as its default export')
  const source: Source = { kind: 'file', name: path }
  return { ...flatten(await module.default, '', () => source), path }
}

function readsTypeScript(): boolean {
  const features = process.features as { readonly typescript?: unknown }
  return Boolean(features.typescript) || 'bun' in process.versions || 'deno' in process.versions
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'may not be read (permission denied)'
  if (code === 'EISDIR') return 'is a directory'
  return `cannot be read: ${String(message ?? error).split('\n', 1)[0]}`
}

function failed(path: string, message: string): FileLayer {
  return { assignments: [], problems: [{ source: { kind: 'file', name: path }, message }], path: basename(path) }
}
