import { readFileSync } from 'node:fs'
import { Script } from 'node:vm'
import type Koffi from 'koffi'
import { O_CLOEXEC } from '../../native/abi/fcntl.ts'
import type * as program from './program.ts'

// The program ahead of its time. An image holds its text together with the code that V8 has made of it before (see
// images.ts), so that neither parsing nor compiling takes time. It is mapped rather than read: its pages are not copied.
//
//   u32   length of the code, a multiple of 8
//   u32   zero
//   code  for the Node.js and the options that install.ts has put into dist/node/tsrun
//   text  of program.js, ASCII

export type CompiledProgram = typeof program

/** Put in by the build. */
declare const KOFFI_MAJOR: string

const HEADER_SIZE = 8
const ALIGNMENT = 8
const SEEK_END = 2
const PROT_READ = 1
const MAP_PRIVATE = 2
const MAP_POPULATE = 0x8000

const PROGRAM = `${__dirname}/program.js`

/** Which functions an image has code of. To start a process in a container takes more than all other commands together. */
export type Extent = 'all' | 'few'

export function extentFor(argv: readonly string[]): Extent {
  return argv.some(word => word === 'run' || word === 'create' || word === 'exec') ? 'all' : 'few'
}

export function imageFile(extent: Extent): string {
  return `${__dirname}/${extent}.image`
}

export function readProgram(): string {
  return readFileSync(PROGRAM, 'latin1')
}

/** The script. V8 refuses code that another version has made or that was made with other options, and compiles. */
export function compile(text: string, cachedData?: Buffer): Script {
  return new Script(text, { filename: PROGRAM, ...(cachedData && { cachedData }) })
}

/** The contents of an image. */
export function makeImage(text: string, code: Buffer): Buffer {
  const length = Math.ceil(code.length / ALIGNMENT) * ALIGNMENT
  const header = Buffer.alloc(HEADER_SIZE)
  header.writeUInt32LE(length)
  return Buffer.concat([header, code, Buffer.alloc(length - code.length), Buffer.from(text, 'latin1')])
}

/** The script from an image, else from the program. */
export function loadScript(koffi: typeof Koffi, extent: Extent): Script {
  const image = mapFile(koffi, imageFile(extent))
  if (image === undefined) return compile(readProgram())
  const end = HEADER_SIZE + image.readUInt32LE()
  return compile(image.toString('latin1', end), image.subarray(HEADER_SIZE, end))
}

/** Runs the script. */
export function runScript(script: Script, koffi: typeof Koffi): CompiledProgram {
  const module = { exports: {} as CompiledProgram }
  script.runInThisContext()((name: string) => (name === 'koffi' ? koffi : require(name)), module)
  return module.exports
}

function mapFile(koffi: typeof Koffi, path: string): Buffer | undefined {
  const libc = koffi.load(null)
  const fd = libc.func('open', 'int', ['str', 'int'])(path, O_CLOEXEC)
  if (fd < 0) return undefined
  const size = libc.func('lseek', 'int64_t', ['int', 'int64_t', 'int'])(fd, 0, SEEK_END)
  const mmap = libc.func('mmap', 'int64_t', ['int64_t', 'size_t', 'int', 'int', 'int', 'int64_t'])
  const address = mmap(0, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0)
  libc.func('close', 'int', ['int'])(fd)
  return address < 0 ? undefined : Buffer.from(koffi.view(BigInt(address), size))
}

/** node_modules as seen from dist/node/lib: of a clone, and of a package installed with and without a scope. */
const PLACES = ['../../../node_modules', '../../../../..', '../../../..']

/**
 * koffi's own way to its addon, over five files and a look into the ELF header of Node.js, takes 10 ms, so the places
 * where npm puts it are tried first.
 */
export function findKoffi(): typeof Koffi {
  for (const place of PLACES) {
    const modules = `${__dirname}/${place}`
    const addon = loadAddon(`${modules}/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`)
    if (addon !== undefined) return addon
  }
  return require('koffi')
}

function loadAddon(path: string): typeof Koffi | undefined {
  const module = { exports: {} as typeof Koffi }
  try {
    process.dlopen(module, path)
  } catch {
    return undefined
  }
  return module.exports.version.startsWith(`${KOFFI_MAJOR}.`) ? module.exports : undefined
}
