// pnpm layers: who may depend on whom. Prints one line for each violation and nothing when there is none.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { root } from './processes.mjs'

const kernel = '@isomq/kernel'
// These put parts together; everything else knows the kernel alone.
const composers = new Set(['packages/isomq', 'packages/browser'])
// What the tests of each kind of package must contain. Clause ids are those of the MQTT specifications.
const conformance = {
  storage: [/\bstorageSuite\b[^]*from '@isomq\/testkit'/, 'run storageSuite of @isomq/testkit'],
  transport: [/\btransportSuite\b[^]*from '@isomq\/testkit'/, 'run transportSuite of @isomq/testkit'],
  auth: [/\bRFC \d{4}\b/, 'name the RFC of its method'],
  protocol: [/\[MQTT-\d+\.\d+\.\d+-\d+\]|\bconformance\b/, 'name the clauses of its specification'],
}

const violations = []
const folders = ['packages', 'apps'].flatMap((parent) => children(parent).map((name) => `${parent}/${name}`))
for (const folder of folders) judge(folder)
for (const violation of violations) process.stdout.write(`${violation}\n`)
process.exitCode = violations.length === 0 ? 0 : 1

function judge(folder) {
  const accuse = (what) => violations.push(`${folder}: ${what}`)
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const { name, dependencies, peerDependencies, optionalDependencies } = manifest
  const allowed = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
  const composes = folder.startsWith('apps/') || composers.has(folder)
  for (const dependency of allowed) {
    if (name === kernel) accuse(`the kernel depends on nothing, not on ${dependency}`)
    else if (!composes && ours(dependency) && dependency !== kernel) accuse(`depends on its sibling ${dependency}`)
  }
  for (const file of sources(`${folder}/src`))
    for (const specifier of imports(read(file))) {
      if (name === kernel && !/^\.\/[^/]+\.ts$/.test(specifier))
        accuse(`${file} imports ${specifier}, not a file beside it`)
      // `#` is a file of its own, chosen by where it runs.
      if (/^[.#]/.test(specifier) || specifier.startsWith('node:') || builtinModules.includes(specifier)) continue
      // What tests may use, pnpm lets the sources import too.
      if (!allowed.includes(packageOf(specifier))) accuse(`${file} imports ${specifier}, which is no dependency`)
    }
  const [proof, duty] = conformance[folder.split('/')[1].split('-')[0]] ?? []
  if (proof !== undefined && !sources(`${folder}/test`).some((file) => proof.test(read(file))))
    accuse(`tests must ${duty}`)
}

function ours(dependency) {
  return dependency === 'isomq' || dependency.startsWith('@isomq/')
}

function children(parent) {
  return existsSync(join(root, parent))
    ? readdirSync(join(root, parent)).filter((name) => existsSync(join(root, parent, name, 'package.json')))
    : []
}

function sources(folder) {
  if (!existsSync(join(root, folder))) return []
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => /\.tsx?$/.test(name)).map((name) => `${folder}/${name}`)
}

function read(file) {
  return readFileSync(join(root, file), 'utf8')
}

/** What a module imports or exports from, types included. */
function imports(text) {
  const forms = [
    /^(?:import|export)\b[^'"]*?\bfrom\s+['"]([^'"]+)['"]/gm,
    /^import\s+['"]([^'"]+)/gm,
    /\bimport\(\s*['"]([^'"]+)/g,
  ]
  return forms.flatMap((form) => Array.from(text.matchAll(form), (match) => match[1]))
}

function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}
