// Compiles the lab's contracts into ../artifacts, byte for byte the same on every machine.
//
//   node src/rollproof/lab/contracts/build.mjs [--check] [--sources DIRECTORY --artifacts DIRECTORY] [NAME|PATH...]
//
// Without names every source below this directory goes into one compilation, and artifacts that have no contract any
// more are removed. With names (a contract, a file, or a directory such as "rollup") only those sources and their
// imports are compiled, and only their artifacts are written. --check writes nothing and compares. Warnings are errors.
// --sources and --artifacts are other places than this directory and ../artifacts.
// Exit codes: 0 done, 1 an artifact differs, 2 could not compile.

import { createRequire } from 'node:module'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const options = process.argv.slice(2)
const script = dirname(fileURLToPath(import.meta.url))
const here = directory('--sources') ?? script
const artifacts = directory('--artifacts') ?? join(script, '..', 'artifacts')
const installed = join(script, '..', '..', '..', '..', 'build', 'solc')
const pinned = JSON.parse(readFileSync(join(script, 'package.json'), 'utf8')).dependencies.solc
const codeLimit = 24576 // EIP-170

/** Takes an option that names a directory out of the arguments. */
function directory(option) {
  const at = options.indexOf(option)
  if (at < 0) return undefined
  const [, path] = options.splice(at, 2)
  if (path === undefined) fail(2, `contracts: ${option} needs a directory`)
  return resolve(path)
}

function fail(code, ...lines) {
  for (const line of lines) console.error(line)
  process.exit(code)
}

function compiler() {
  let solc
  try {
    solc = createRequire(join(installed, 'package.json'))('solc')
  } catch {
    fail(2, `contracts: solc ${pinned} is not in build/solc: run "make contracts"`)
  }
  if (!solc.version().startsWith(`${pinned}+`)) {
    fail(2, `contracts: build/solc has solc ${solc.version()}, package.json asks for ${pinned}`)
  }
  return solc
}

/** Every .sol file below the sources' directory, as posix paths relative to it, sorted. */
function sources(directory = here) {
  const found = []
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) found.push(...sources(path))
    else if (entry.name.endsWith('.sol')) found.push(relative(here, path).split(sep).join('/'))
  }
  return found.sort()
}

/** The sources that the arguments name. */
function chosen(all, wanted) {
  const found = new Set()
  for (const name of wanted) {
    const path = relative(here, resolve(name)).split(sep).join('/')
    const hits = all.filter(
      (file) =>
        basename(file, '.sol') === name || file === name || file === path ||
        file.startsWith(`${name.replace(/\/$/, '')}/`) || file.startsWith(`${path}/`),
    )
    if (hits.length === 0) fail(2, `contracts: no source is named ${name}`)
    hits.forEach((hit) => found.add(hit))
  }
  return [...found].sort()
}

/** The given sources and everything they import. */
function closure(files) {
  const contents = new Map()
  const queue = [...files]
  while (queue.length > 0) {
    const file = queue.pop()
    if (contents.has(file)) continue
    if (!existsSync(join(here, file))) fail(2, `contracts: ${file} is imported and is not there`)
    const text = readFileSync(join(here, file), 'utf8')
    contents.set(file, text)
    for (const [, path] of text.matchAll(/^\s*import\s[^;]*?["']([^"']+)["']\s*;/gm)) {
      queue.push(path.startsWith('.') ? posix.join(posix.dirname(file), path) : path)
    }
  }
  return contents
}

function compile(contents) {
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries([...contents.keys()].sort().map((file) => [file, { content: contents.get(file) }])),
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: 'cancun',
      metadata: { bytecodeHash: 'none', appendCBOR: false },
      outputSelection: {
        '*': {
          '': ['ast'],
          '*': [
            'abi', 'storageLayout', 'evm.bytecode.object', 'evm.bytecode.linkReferences',
            'evm.deployedBytecode.object', 'evm.deployedBytecode.immutableReferences',
          ],
        },
      },
    },
  }
  const output = JSON.parse(compiler().compile(JSON.stringify(input)))
  const messages = (output.errors ?? []).filter((each) => each.severity !== 'info')
  if (messages.length > 0) fail(2, ...messages.map((each) => each.formattedMessage.trimEnd()))
  return output
}

/** Names by AST id, of what the compiler knows only by id: such ids change with every other file of the compilation. */
function namesOf(node, names) {
  if (Array.isArray(node)) node.forEach((each) => namesOf(each, names))
  else if (node && typeof node === 'object') {
    if (node.nodeType === 'VariableDeclaration' && node.mutability === 'immutable') names.set(String(node.id), node.name)
    Object.values(node).forEach((each) => namesOf(each, names))
  }
  return names
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}

/** Artifacts by name, of the contracts that the given files define. */
function made(output, files) {
  const names = new Map()
  for (const source of Object.values(output.sources)) namesOf(source.ast, names)
  const found = new Map()
  for (const file of files) {
    const kinds = new Map(
      output.sources[file].ast.nodes
        .filter((node) => node.nodeType === 'ContractDefinition')
        .map((node) => [node.name, node.abstract ? 'abstract' : node.contractKind]),
    )
    for (const [name, contract] of Object.entries(output.contracts?.[file] ?? {})) {
      if (kinds.get(name) !== 'contract') continue // libraries here are internal: their code is in who uses them
      if (found.has(name)) fail(2, `contracts: two contracts are named ${name}: ${file} and ${found.get(name).source}`)
      const { bytecode, deployedBytecode } = contract.evm
      if (Object.keys(bytecode.linkReferences).length > 0) {
        fail(2, `contracts: ${file}: ${name} needs a linked library; only internal libraries are supported`)
      }
      if (deployedBytecode.object.length / 2 > codeLimit) {
        fail(2, `contracts: ${file}: ${name} has ${deployedBytecode.object.length / 2} bytes of code, over ${codeLimit}`)
      }
      const { storage, types } = contract.storageLayout
      found.set(name, {
        name,
        source: file,
        abi: contract.abi,
        bytecode: bytecode.object,
        runtime: deployedBytecode.object,
        immutables: Object.fromEntries(
          Object.entries(deployedBytecode.immutableReferences ?? {}).map(([id, places]) => [names.get(id) ?? id, places]),
        ),
        storage: storage.map(({ label, slot, offset, type }) => ({ label, slot, offset, type: types[type].label })),
      })
    }
  }
  return found
}

const check = options.includes('--check')
const unknown = options.filter((each) => each.startsWith('-') && each !== '--check')
if (unknown.length > 0) fail(2, `contracts: unknown option ${unknown[0]}`)
const wanted = options.filter((each) => !each.startsWith('-'))

const all = sources()
const files = wanted.length > 0 ? chosen(all, wanted) : all
const found = made(compile(closure(files)), files)
const differing = []
if (!check) mkdirSync(artifacts, { recursive: true })
for (const [name, artifact] of found) {
  const path = join(artifacts, `${name}.json`)
  const text = JSON.stringify(sorted(artifact), null, 1) + '\n'
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
  if (check) differing.push(`${name}.json ${existsSync(path) ? 'differs' : 'is missing'}`)
  else writeFileSync(path, text)
}
if (wanted.length === 0 && existsSync(artifacts)) {
  for (const file of readdirSync(artifacts).sort()) {
    if (!file.endsWith('.json') || found.has(basename(file, '.json'))) continue
    if (check) differing.push(`${file} has no contract`)
    else rmSync(join(artifacts, file))
  }
}
if (differing.length > 0) fail(1, ...differing.map((each) => `contracts: ${join(relative('.', artifacts), each)}`))
console.error(`contracts: ${found.size} artifacts ${check ? 'as built' : 'written'}`)
