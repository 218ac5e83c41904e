import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { flatten } from './flatten.ts'
import { faultPlace, faultText, importDefault } from './import-default.ts'
import type { Layer, Source } from './source.ts'

const stem = 'isomq.config'
const modules = ['.ts', '.mts', '.js', '.mjs']
const extensions = ['.json', '.yaml', '.yml', ...modules]

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
    if (modules.includes(extension)) return await readModule(full, path)
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

async function readModule(full: string, path: string): Promise<FileLayer> {
  const text = await readFile(full, 'utf8')
  try {
    const value = await importDefault(full)
    if (value === undefined) return failed(path, 'must have the configuration as its default export')
    return { ...flatten(value, '', () => ({ kind: 'file', name: path })), path }
  } catch (error) {
    const place = faultPlace(error, full, text)
    const name = place.file === full ? path : place.file
    return failed(path, explain(error), { kind: 'file', name, line: place.line })
  }
}

function explain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'may not be read (permission denied)'
  if (code === 'EISDIR') return 'is a directory'
  return `cannot be read: ${faultText(String(message ?? error))}`
}

function failed(path: string, message: string, source: Source = { kind: 'file', name: path }): FileLayer {
  return { assignments: [], problems: [{ source, message }], path: basename(path) }
}
