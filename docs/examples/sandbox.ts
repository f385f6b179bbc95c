// Runs code that nobody has looked at, in a container that can do little: no network, nothing to write to but a small /tmp, no
// privileges and no way to them, few system calls of the dangerous kind, limits, and an end.
//
//   npx tsx docs/examples/sandbox.ts ROOTFS 'echo hello'

import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { type CompleteConfig, defaultConfig, type Output, type Resources, Runtime } from 'tsrun'

const NOBODY = 65534
const MEMORY = 64 * 1024 * 1024
const PROCESSES = 32

/** System calls that reach deep into the kernel and that a script has no use for. */
const REFUSED = [
  'bpf',
  'io_uring_setup',
  'keyctl',
  'mount',
  'perf_event_open',
  'ptrace',
  'setns',
  'unshare',
  'userfaultfd',
]

/** Runs a shell script in the root file system at `rootfs`; after `timeoutMs` it is killed and the promise rejected. */
export async function runUntrusted(rootfs: string, script: string, timeoutMs = 5000): Promise<Output> {
  const runtime = new Runtime()
  return await runtime.run({
    config: sandbox(rootfs, ['sh', '-c', script]),
    signal: AbortSignal.timeout(timeoutMs),
    maxOutput: 64 * 1024,
  })
}

function sandbox(rootfs: string, args: string[]): CompleteConfig {
  const config = defaultConfig(rootfs, args) // a read-only root, and namespaces of its own
  config.process.user = { uid: NOBODY, gid: NOBODY }
  config.process.capabilities = {}
  config.process.noNewPrivileges = true
  config.process.rlimits = [
    { type: 'RLIMIT_NOFILE', soft: 64, hard: 64 },
    { type: 'RLIMIT_AS', soft: MEMORY, hard: MEMORY }, // of each process
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
  ]
  config.mounts.push({
    destination: '/tmp',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', 'noexec', 'mode=1777', 'size=16m'],
  })
  config.linux.resources = { ...config.linux.resources, ...limits() }
  config.linux.seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: REFUSED, action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
  }
  return config
}

/** Limits of all processes together, as far as this host can set them. */
function limits(): Resources {
  const controllers = hostControllers()
  return {
    ...(controllers.includes('memory') && { memory: { limit: MEMORY, swap: MEMORY } }),
    ...(controllers.includes('pids') && { pids: { limit: PROCESSES } }),
  }
}

function hostControllers(): string[] {
  try {
    return readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ')
  } catch {
    return [] // cgroup version 1 is mounted there
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [rootfs = '', script = '', timeoutMs] = process.argv.slice(2)
  console.log(await runUntrusted(rootfs, script, timeoutMs === undefined ? undefined : Number(timeoutMs)))
}
