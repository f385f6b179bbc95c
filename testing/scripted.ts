import { EACCES, EINVAL, ENOENT } from '../native/abi/errno.ts'
import { KernelError } from '../native/failure.ts'
import type { Host, Memory, Poll, Spawn } from '../native/host.ts'
import { runProgram } from './scripted/calls/processes.ts'
import { BLOCKED, Errno } from './scripted/errno.ts'
import { executorBase } from './scripted/executor.ts'
import { giveBack, largeBuffer } from './scripted/memory.ts'
import { type FileNode, walk } from './scripted/nodes.ts'
import { NodeFile, OpenStream } from './scripted/open.ts'
import type { Process } from './scripted/process.ts'
import { type Script, World } from './scripted/world.ts'

export type { LoggedCall } from './scripted/call.ts'
export { directoryAt, fileAt } from './scripted/nodes.ts'
export { Hang, neverFails, PlannerGone, type Script } from './scripted/world.ts'

/** A host for tests: a model of the kernel in memory, whose calls can be made to fail. */
export interface ScriptedHost extends Host, Disposable {
  readonly world: World
  /** The `n`th call of the whole run, whoever makes it, fails with this errno and has no effect. The first is 1. */
  failAt(n: number, errno: number): void
  /** Right before the `n`th call the planner is killed; what it does from then on throws PlannerGone. */
  killPlannerAt(n: number): void
  /** Right before the `n`th call whoever makes it is killed, the planner excepted. */
  killCallerAt(n: number): void
  /** The same in the midst of the call: it takes effect, but its result is not heard of. */
  killCallerIn(n: number): void
  /** Sends a signal to whoever watches for it. */
  raise(signal: number): void
  /** Open descriptors of the planner beyond those that it started with. */
  descriptors(): string[]
  /** Processes besides the planner, and those that have ended but nobody has waited for. */
  living(): string[]
  zombies(): string[]
  /** The paths of all files and directories below `path`. */
  below(path: string): string[]
}

const STDIO = 3

/** See ScriptedHost. `env` and `argv` are empty, the architecture is x86_64, the user root unless the script says so. */
export function createScriptedHost(script: Script = {}): ScriptedHost {
  const world = new World(script)
  const { planner } = world
  let signals: OpenStream | undefined
  const lent = new Set<ArrayBuffer>()
  const lend = (memory: Memory) => {
    lent.add(memory.bytes.buffer as ArrayBuffer)
    return memory
  }
  const describe = ({ pid, name }: Process) => `${pid} ${name}`
  const others = () => [...world.processes.values()].filter(process => process !== planner)

  return {
    world,
    arch: 'x86_64',
    argv: [],
    env: [],
    callerNofile: 1024,
    callerDescriptors: undefined,
    engine: 'a kernel in memory',
    noBinary: undefined,
    syscall: (number, args) => world.plannerCall(world.names.get(number)!, args.map(Number)),
    allocate: size => lend(planner.memory.map(new Uint8Array(largeBuffer(size)))),
    map: (fd, size) => lend(map(world, fd, size)),
    unmap: memory => planner.memory.unmap(memory),
    spawn: program => world.plannerCall('posix_spawn', [], () => spawn(world, program)),
    async poll(entries, timeoutMs) {
      return poll(world, entries, timeoutMs)
    },
    watchSignals() {
      const [read, write] = OpenStream.pair()
      signals = write
      return planner.install(read, true)
    },
    exit() {
      throw new Error('the program called exit()')
    },

    failAt: (n, errno) => void world.faults.set(n, errno),
    killPlannerAt(n) {
      world.killPlannerAt = n
    },
    killCallerAt(n) {
      world.killCallerAt = n
    },
    killCallerIn(n) {
      world.killCallerIn = n
    },
    raise: signal => void signals?.write(Uint8Array.of(signal)),
    descriptors: () => planner.descriptors.filter(fd => fd >= STDIO).map(fd => `${fd} ${planner.file(fd).subject}`),
    living: () =>
      others()
        .filter(process => !process.ended)
        .map(describe),
    zombies: () =>
      others()
        .filter(process => process.ended)
        .map(describe),
    [Symbol.dispose]() {
      for (const buffer of lent) giveBack(buffer)
    },
    below: path => pathsBelow(walk(world.root, path, { root: world.root, by: planner, follow: true }).node),
  }
}

function pathsBelow(node: FileNode | undefined): string[] {
  return [...(node?.children.values() ?? [])].flatMap(child => [child.path, ...pathsBelow(child)])
}

function map(world: World, fd: number, size: number): Memory {
  let mapped: Memory | undefined
  const result = world.plannerCall('mmap', [0, size, 3, 1, fd, 0], ({ process }) => {
    const file = process.file(fd)
    if (!(file instanceof NodeFile) || size > file.node.size) throw new Errno(EINVAL)
    mapped = process.memory.map(file.node.bytes.subarray(0, size))
    return 0
  })
  if (mapped === undefined) throw new KernelError('mmap', -result, `${size} bytes`)
  return mapped
}

/** posix_spawn(3): `descriptors` are duplicated one after the other, then close-on-exec does its work. */
function spawn(world: World, { file, argv, descriptors, directory }: Spawn): number {
  const { planner } = world
  const at = { root: planner.root, by: planner, follow: true }
  const cwd = directory === undefined ? planner.cwd : walk(planner.cwd, directory, at).node
  if (cwd === undefined) throw new Errno(ENOENT)
  const { node } = walk(planner.cwd, file, at)
  if (node === undefined) throw new Errno(ENOENT)
  if (node.isDirectory || (node.mode & 0o111) === 0) throw new Errno(EACCES)
  const base = executorBase(node.bytes.subarray(0, node.size))
  const child = world.newProcess(argv[0] ?? '', planner)
  child.cwd = cwd
  planner.copyTo(child)
  descriptors.forEach((from, to) => {
    if (from === undefined) return
    if (from === to) child.closeOnExec(to, false)
    else child.put(to, child.file(from), false)
  })
  child.execute(base === undefined ? file : argv[0]!)
  if (base === undefined) runProgram({ world }, child, file)
  else child.counter = { at: 'map', base }
  return child.pid
}

function poll(world: World, entries: readonly Poll[], timeoutMs: number): number[] {
  const states = () => entries.map(({ fd, events }) => world.planner.file(fd).poll() & (events | 0x18))
  const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : world.clock + timeoutMs
  world.plannerCall('poll', [], () => (states().some(Boolean) || world.clock >= deadline ? 0 : BLOCKED))
  return states()
}
