import { O_CLOEXEC, O_NONBLOCK } from '../abi/fcntl.ts'
import type { Architecture } from '../arch/architecture.ts'
import { callNumbers } from '../arch/numbers.ts'
import { KernelError } from '../failure.ts'
import type { Host, Memory } from '../host.ts'
import { createKernel, type Kernel } from '../kernel.ts'
import { DirectCalls } from '../kernels/direct.ts'
import { type Marshaller, type NativeWords, putWord, Space, useNativeWords } from '../kernels/marshal.ts'
import { type Argument, Out } from '../struct.ts'
import { byteBound, useNativeAscii } from '../utf8.ts'

/** What the C program around the engine offers: see native/quickjs/host.c. Addresses are numbers. */
interface QuickjsHost {
  readonly arch: Architecture
  readonly argv: readonly string[]
  readonly env: readonly string[]
  syscall(number: number, args: readonly (number | bigint)[]): number
  syscallAt(number: number, address: number): number
  map(fd: number, size: number): { buffer: ArrayBuffer; address: number } | number
  spawn(file: number, argv: number, env: number, descriptors: number, count: number, directory: number): number
  catchSignals(signals: readonly number[], fd: number): void
  encodeAscii(bytes: Uint8Array, offset: number, text: string): number
  decodeAscii(bytes: Uint8Array): string | undefined
  includes(text: string, part: string): boolean
  hasDigits(text: string, count: number): boolean
  putWords: NativeWords['putWords']
  putOperation: NativeWords['putOperation']
  perform: NativeWords['perform']
  link: NativeWords['link']
  settle: NativeWords['settle']
  putForm: NativeWords['putForm']
}

declare global {
  var quickjs: QuickjsHost
  /** Set by the entry module; the C program calls it when the process really starts. */
  var start: () => Promise<never>
}

const PAGE = 4096

/** QuickJS in the static binary as a host. There is one thread and no event loop, so `poll` waits in the kernel. */
export function createQuickjsHost(): Host {
  const { arch, argv, env, syscall, syscallAt, encodeAscii, decodeAscii, includes, hasDigits } = globalThis.quickjs
  useNativeAscii({ encodeInto: encodeAscii, decode: decodeAscii, includes, hasDigits })
  useNativeWords(globalThis.quickjs)
  const host: Host = {
    arch,
    engine: 'QuickJS',
    noBinary: undefined,
    argv,
    env,
    callerNofile: undefined,
    callerDescriptors: undefined,
    syscall,
    syscallAt,
    ...mappings(globalThis.quickjs),
    spawn: spawner(globalThis.quickjs),
    poll: async (entries, timeoutMs) => kernel.poll(entries, timeoutMs),
    watchSignals: signals => watchSignals(kernel, signals),
    exit(code) {
      syscall(callNumbers[arch].exit_group, [code])
      throw new Error('exit_group returned')
    },
  }
  const kernel = createKernel(new DirectCalls(host))
  return host
}

function mappings({ arch, map, syscall }: QuickjsHost): Pick<Host, 'allocate' | 'map' | 'unmap'> {
  const memory = (fd: number, size: number): Memory => {
    const mapped = map(fd, size)
    if (typeof mapped === 'number') throw new KernelError('mmap', -mapped, `${size} bytes`)
    const { buffer, address } = mapped
    return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address }
  }
  return {
    allocate: size => memory(-1, size),
    map: memory,
    unmap: ({ address, bytes }) => void syscall(callNumbers[arch].munmap, [address, bytes.length]),
  }
}

function spawner(quickjs: QuickjsHost): Host['spawn'] {
  const { allocate, unmap } = mappings(quickjs)
  // Kept: to unmap even one page costs more than the rest of a spawn.
  let room: Memory | undefined
  const roomFor = (size: number): Memory => {
    if (room !== undefined && room.bytes.length >= size) return room
    if (room !== undefined) unmap(room)
    room = allocate(Math.ceil(size / PAGE) * PAGE)
    return room
  }
  return ({ file, argv, env, descriptors, directory }) => {
    const strings = [file, ...argv, ...env, directory ?? '']
    const taken = roomFor(strings.reduce((size, text) => size + byteBound(text) + 24, PAGE + 8 * descriptors.length))
    const space = new Space(taken, 0)
    const place = (value: Argument) =>
      placed({ side: 'outside', space, address: taken.address, from: 0, out() {}, result() {} }, value)
    const numbers = new Uint8Array(Int32Array.from(descriptors, from => from ?? -1).buffer)
    const at = directory === undefined ? 0 : place(directory)
    return quickjs.spawn(place(file), place(argv), place(env), place(numbers), descriptors.length, at)
  }
}

function watchSignals(kernel: Kernel, signals: readonly number[]): number {
  const pair = new Out(8)
  kernel.now({ name: 'pipe2', args: [pair, O_CLOEXEC | O_NONBLOCK] })
  const { view } = pair
  globalThis.quickjs.catchSignals(signals, view.getInt32(4, true))
  return view.getInt32(0, true)
}

/** Puts `value` where C finds it; returns its address. */
function placed(m: Marshaller, value: Argument): number {
  const at = m.space.allocate(8)
  putWord(m, at, value)
  return m.space.get(at)
}
