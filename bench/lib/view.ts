// The measurements run in a mount namespace of their own: crun does not work on a machine that also has version 1
// cgroups mounted, and what runtimes keep in /run is to be gone afterwards whatever happened.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { hostMounts } from '../../conformance/lib/machine.ts'

export type CgroupLayout = 'v2' | 'hybrid' | 'v1'

const VARIABLE = 'TSRUN_BENCH_MACHINE'
const ROOT = '/sys/fs/cgroup'

const PRIVATE_RUN = 'mount -t tmpfs -o mode=755 run /run'
const PURE_V2 = `umount -R ${ROOT}; mount -t cgroup2 none ${ROOT}`

function machineLayout(): CgroupLayout {
  const mounts = hostMounts()
  if (mounts.some(({ type, target }) => type === 'cgroup2' && target === ROOT)) return 'v2'
  return mounts.some(({ type }) => type === 'cgroup2') ? 'hybrid' : 'v1'
}

/** How the machine mounts its cgroups, when this process is in the private view already; undefined outside of it. */
export function viewedFrom(): CgroupLayout | undefined {
  return process.env[VARIABLE] as CgroupLayout | undefined
}

/** Executes this program again in the private view, and resolves to its exit code. */
export async function repeatInView(): Promise<number> {
  const layout = machineLayout()
  const script = [PRIVATE_RUN, ...(layout === 'v2' ? [] : [PURE_V2]), 'exec "$@"'].join('\n')
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const child = spawn('unshare', ['-m', 'sh', '-ec', script, 'view', ...words], {
    stdio: 'inherit',
    env: { ...process.env, [VARIABLE]: layout },
  })
  // The child cleans up and ends; this process only tells how it ended.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)))
  })
}

/** Can limits of this kind be set here? */
export function hasController(name: string): boolean {
  const path = `${ROOT}/cgroup.controllers`
  return existsSync(path) && readFileSync(path, 'utf8').trim().split(' ').includes(name)
}
