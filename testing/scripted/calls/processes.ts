import { ECHILD, EINVAL, ENOENT, ESRCH } from '../../../native/abi/errno.ts'
import { NEW_UTSNAME } from '../../../native/abi/layout/process.ts'
import { PR_SET_NAME } from '../../../native/abi/prctl.ts'
import {
  CLONE_INTO_CGROUP,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
} from '../../../native/abi/sched.ts'
import { SIGCHLD, SIGCONT, SIGKILL, SIGURG, SIGWINCH } from '../../../native/abi/signal.ts'
import { WNOHANG } from '../../../native/abi/wait.ts'
import { get64, put64 } from '../../../native/struct.ts'
import { encode } from '../../../native/utf8.ts'
import type { Invocation } from '../call.ts'
import { BLOCKED, Errno } from '../errno.ts'
import { walk } from '../nodes.ts'
import { NodeFile, Opaque, Pidfd } from '../open.ts'
import type { Process, UserNamespace } from '../process.ts'
import type { Implementation } from '../world.ts'

const ALL_CAPABILITIES = 0xffff_ffff
const IGNORED_BY_DEFAULT: readonly number[] = [0, SIGCHLD, SIGCONT, SIGURG, SIGWINCH]

const newUserNamespace = (): UserNamespace => ({ uid_map: '', gid_map: '', setgroups: 'allow' })

/** Calls about processes, and what a process is. */
export const processCalls: Readonly<Record<string, Implementation>> = {
  mmap(call) {
    const { node } = call.nodeFile(4)
    call.process.memory.map(node.bytes.subarray(0, call.address(1)), call.address(0))
    return call.address(0)
  },

  clone3: clone,

  unshare(call) {
    if (call.int(0) & CLONE_NEWUSER) call.process.userNamespace = newUserNamespace()
  },
  /** With a pidfd: into several of its namespaces. The mount namespace brings root and working directory along. */
  setns(call) {
    const { process } = call
    const file = call.file(0)
    const flags = call.int(1)
    // What open_tree(2) has made a mount namespace of.
    if (file instanceof NodeFile && file.node.isDirectory && flags & CLONE_NEWNS) process.root = process.cwd = file.node
    if (!(file instanceof Pidfd)) return
    if (file.process.ended) throw new Errno(ESRCH)
    if (flags & CLONE_NEWPID) process.initOfChildren = file.process.init
    if (flags & CLONE_NEWUSER) process.userNamespace = file.process.userNamespace
    if (flags & CLONE_NEWNS) process.root = process.cwd = file.process.root
  },

  execve(call) {
    const { process } = call
    const name = call.text(0)
    const { node } = walk(process.cwd, name, { root: process.root, by: process, follow: true })
    if (node === undefined) throw new Errno(ENOENT)
    process.execute(name)
    runProgram(call, process, name)
  },

  exit_group(call) {
    call.world.end(call.process, (call.int(0) & 0xff) << 8)
  },

  wait4(call) {
    const children = [...call.world.processes.values()].filter(
      ({ parent, pid }) => parent === call.process && (call.int(0) <= 0 || pid === call.int(0)),
    )
    if (children.length === 0) throw new Errno(ECHILD)
    const child = children.find(process => process.ended)
    if (child === undefined) return call.int(2) & WNOHANG ? 0 : BLOCKED
    if (call.address(1) !== 0) call.view(1, 4).setInt32(0, child.status!, true)
    call.world.reap(child)
    return child.pid
  },

  pidfd_open(call) {
    const process = call.world.processes.get(call.int(0))
    if (process === undefined) throw new Errno(ESRCH)
    return call.process.install(new Pidfd(process), true)
  },

  pidfd_send_signal(call) {
    const file = call.file(0)
    if (!(file instanceof Pidfd)) throw new Errno(EINVAL)
    const { process } = file
    if (process.reaped) throw new Errno(ESRCH)
    const signal = call.int(1)
    // The first process of a pid namespace is only ended by what it can not ignore, see pid_namespaces(7).
    if (signal === SIGKILL || (process.init !== process && !IGNORED_BY_DEFAULT.includes(signal)))
      call.world.end(process, signal)
  },

  kill(call) {
    const process = call.world.processes.get(call.int(0))
    if (process === undefined) throw new Errno(ESRCH)
    call.world.end(process, call.int(1))
  },

  prctl(call) {
    if (call.int(0) === PR_SET_NAME) call.process.name = call.text(1)
  },

  getpid: call => call.process.pid,
  geteuid: call => call.world.script.uid ?? 0,
  getegid: call => call.world.script.uid ?? 0,

  /** A user without privileges has none. */
  capget(call) {
    const out = call.view(1, 24)
    const mask = (call.world.script.uid ?? 0) === 0 ? ALL_CAPABILITIES : 0
    for (let at = 0; at < 24; at += 4) out.setUint32(at, mask, true)
  },

  prlimit64(call) {
    if (call.address(3) === 0) return
    const old = call.view(3, 16)
    put64(old, 0, 1024)
    put64(old, 8, 4096)
  },

  setitimer(call) {
    const timer = call.view(1, 32)
    call.process.alarm = call.world.clock + get64(timer, 16) * 1000 + get64(timer, 24) / 1000
  },

  uname(call) {
    call.bytes(0, NEW_UTSNAME.size).fill(0)
    call.bytes(0, NEW_UTSNAME.size).set(encode(call.world.script.release ?? '6.1.0'), NEW_UTSNAME.release)
  },

  clock_gettime(call) {
    const time = call.view(1, 16)
    put64(time, 0, Math.floor(call.world.clock / 1000))
    put64(time, 8, (call.world.clock % 1000) * 1e6)
  },

  /** BPF_PROG_LOAD gives a descriptor. */
  bpf: call => (call.int(0) === 5 ? call.process.install(new Opaque('bpf'), true) : 0),
}

/** struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal ... cgroup at 80. */
function clone(call: Invocation): number {
  const { process, world } = call
  const args = call.view(0, call.unsigned(1))
  const flags = args.getBigUint64(0, true)
  const has = (flag: number | bigint) => (flags & BigInt(flag)) !== 0n
  const cgroup = has(CLONE_INTO_CGROUP) ? process.file(get64(args, 80)) : undefined
  if (cgroup !== undefined && !(cgroup instanceof NodeFile)) throw new Errno(EINVAL)
  const child = world.newProcess(process.name, process)
  if (has(CLONE_PARENT)) child.parent = process.parent
  process.copyTo(child)
  if (cgroup) child.cgroup = cgroup.node
  if (has(CLONE_NEWPID)) child.init = child.initOfChildren = child
  if (has(CLONE_NEWUSER)) child.userNamespace = newUserNamespace()
  if (has(CLONE_PARENT_SETTID)) process.memory.view(get64(args, 24), 4).setInt32(0, child.pid, true)
  if (has(CLONE_PIDFD))
    process.memory.view(get64(args, 8), 4).setInt32(0, process.install(new Pidfd(child), true), true)
  // The child returns from the same call with 0: it goes on at the operation's way for zero.
  if (process.counter) child.counter = { ...process.counter, born: true }
  return child.pid
}

/** Ends a program that the script knows; another one runs until it is killed. */
export function runProgram({ world }: Pick<Invocation, 'world'>, process: Process, path: string): void {
  const program = world.script.programs?.[path]
  if (program === undefined) return
  if (program.says !== undefined) process.file(2).write(encode(program.says), process)
  world.end(process, program.exit << 8)
}
