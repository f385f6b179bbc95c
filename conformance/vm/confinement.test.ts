// One container per limit: it looks at what it has got, and then wants more than that. The figures of these cases are
// the lane's table; limits.test.ts and the others have the variants.

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Change, runScript } from '../lib/container.ts'
import { recordFigures } from '../lib/figures.ts'
import { must, run } from '../lib/run.ts'
import { tag } from '../lib/scene.ts'
import { compileProbe, podmanDefault, withProfile } from '../lib/seccomp.ts'
import { leavesNothing } from '../lib/snapshot.ts'

leavesNothing()

const MiB = 1 << 20
const POOL = '/proc/sys/vm/nr_hugepages'
const PROFILE = `tsrun-${tag}`
const POLICY = `profile ${PROFILE} flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, mount, umount, pivot_root, signal,
  deny /guarded/** w,
}`

/** The number of the null block device. */
let disk: { major: number; minor: number }

beforeAll(() => {
  must(['modprobe', 'null_blk', 'nr_devices=1', 'gb=1'])
  const [major, minor] = must(['stat', '-c', '%t %T', '/dev/nullb0']).split(' ')
  disk = { major: Number.parseInt(major!, 16), minor: Number.parseInt(minor!, 16) }
  writeFileSync(POOL, '8')
  must(['apparmor_parser', '--replace', '--skip-cache'], { input: POLICY })
  compileProbe()
})
afterAll(() => {
  run(['apparmor_parser', '--remove'], { input: POLICY })
  writeFileSync(POOL, '0')
})

/** Limits, and the container's own cgroup where it can read it. */
function limited(resources: () => object): Change {
  return config => {
    Object.assign(config.linux.resources!, resources())
    config.linux.namespaces.push({ type: 'cgroup' })
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] })
  }
}

const capabilities = (...names: string[]): Record<string, string[]> => ({
  bounding: names,
  effective: names,
  permitted: names,
})

interface Case {
  readonly asked: string
  readonly change: Change
  /** Shows what the container sees. */
  readonly look: string
  readonly inside: RegExp
  /** Wants more, and shows what comes of it. */
  readonly want: string
  readonly kernel: RegExp
  /** What the numbers in that have to be. */
  readonly check?: (...numbers: number[]) => void
}

const cases: Case[] = [
  {
    asked: 'memory.limit 16 MiB, no swap',
    change: limited(() => ({ memory: { limit: 16 * MiB, swap: 16 * MiB } })),
    look: 'grep . memory.max memory.swap.max',
    inside: /^memory.max:16777216\nmemory.swap.max:0$/,
    want: `tail -c ${64 * MiB} /dev/zero; echo "exit code $?"; grep "oom_kill " memory.events`,
    kernel: /^(Killed\n)?exit code 137\noom_kill 1$/,
  },
  {
    asked: 'pids.limit 4',
    change: limited(() => ({ pids: { limit: 4 } })),
    look: 'grep . pids.max /dev/null',
    inside: /^pids.max:4$/,
    want: '(sleep 9 & sleep 9 & sleep 9 &); cat pids.events',
    kernel: /^sh: can't fork: Resource temporarily unavailable\nmax 1$/,
  },
  {
    asked: 'cpu.quota 20 ms of 100 ms',
    change: limited(() => ({ cpu: { quota: 20_000, period: 100_000 } })),
    look: 'cat cpu.max',
    inside: /^20000 100000$/,
    want: "timeout 2 sh -c 'while :; do :; done'; grep -e usage -e nr_periods -e nr_throttled cpu.stat",
    kernel: /^(?:Terminated\n)?usage_usec (\d+)\nnr_periods (\d+)\nnr_throttled (\d+)$/,
    check: (usage, periods, throttled) => {
      expect(throttled).toBeGreaterThan(periods! / 2)
      expect(usage).toBeLessThan(periods! * 40_000)
    },
  },
  {
    asked: 'cpu.cpus 1',
    change: limited(() => ({ cpu: { cpus: '1' } })),
    look: 'cat cpuset.cpus.effective; grep Cpus_allowed_list /proc/self/status',
    inside: /^1\nCpus_allowed_list:\t1$/,
    want: "for i in 1 2 3 4; do cut -d' ' -f39 /proc/self/stat; done | sort -u | sed 's/^/ran on CPU /'",
    kernel: /^ran on CPU 1$/,
  },
  {
    asked: 'blockIO.throttleReadBpsDevice 1 MiB/s',
    change: (config, rootfs) => {
      limited(() => ({ blockIO: { throttleReadBpsDevice: [{ ...disk, rate: MiB }] } }))(config, rootfs)
      config.linux.devices = [{ type: 'b', path: '/dev/disk', ...disk, fileMode: 0o600 }]
      config.linux.resources!.devices!.push({ allow: true, type: 'b', ...disk, access: 'r' })
    },
    look: 'cat io.max',
    inside: /^\d+:0 rbps=1048576 wbps=max riops=max wiops=max$/,
    want: 'echo 3 MiB; time dd if=/dev/disk of=/dev/null bs=64k count=48 2>&1 | grep real',
    kernel: /^3 MiB\nreal\s+0m (\d+)\.\d+s$/,
    check: seconds => expect(seconds).toBeGreaterThanOrEqual(2),
  },
  {
    asked: 'hugepageLimits 2 MiB',
    change: (config, rootfs) => {
      limited(() => ({ hugepageLimits: [{ pageSize: '2MB', limit: 2 * MiB }] }))(config, rootfs)
      mkdirSync(join(rootfs, 'huge'))
      config.mounts.push({ destination: '/huge', type: 'hugetlbfs', source: 'none', options: ['pagesize=2M'] })
    },
    look: 'grep . hugetlb.2MB.max /dev/null',
    inside: /^hugetlb.2MB.max:2097152$/,
    want: 'for n in 1 2; do fallocate -l 2097152 /huge/$n && echo $n; done',
    kernel: /^1\nfallocate: .*$/,
  },
  {
    asked: 'devices: none allowed',
    change: config => {
      config.process.capabilities = capabilities('CAP_MKNOD')
    },
    look: "mknod /tmp/fuse c 10 229; stat -c '%F %t:%T' /tmp/fuse",
    inside: /^character special file a:e5$/,
    want: 'cat /tmp/fuse',
    kernel: /^cat: can't open '\/tmp\/fuse': Operation not permitted$/,
  },
  {
    asked: 'RLIMIT_NOFILE 16',
    change: config => {
      config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 16, hard: 16 }]
    },
    look: 'grep files /proc/self/limits',
    inside: /^Max open files +16 +16 +files *$/,
    want: 'tail -qn 0 $(yes /etc/passwd | head -n 20) 2>&1 | sort -u',
    kernel: /^tail: can't open '\/etc\/passwd': Too many open files$/,
  },
  {
    asked: 'capabilities: none',
    change: config => {
      config.process.capabilities = capabilities()
    },
    look: 'grep -e CapEff -e CapBnd /proc/self/status',
    inside: /^CapEff:\t0{16}\nCapBnd:\t0{16}$/,
    want: 'chown 1 /tmp',
    kernel: /^chown: \/tmp: Operation not permitted$/,
  },
  {
    asked: 'noNewPrivileges, user 1000',
    change: (config, rootfs) => {
      config.process.user = { uid: 1000, gid: 1000 }
      copyFileSync(compileProbe(), join(rootfs, 'bin/setuid'))
      chmodSync(join(rootfs, 'bin/setuid'), 0o4755)
    },
    look: 'grep NoNewPrivs /proc/self/status; stat -c %A /bin/setuid',
    inside: /^NoNewPrivs:\t1\n-rwsr-xr-x$/,
    want: 'echo effective user $(setuid call 107)', // geteuid
    kernel: /^effective user 1000$/,
  },
  {
    asked: 'seccomp: the default of podman',
    change: (config, rootfs) => withProfile(podmanDefault())(config, rootfs),
    look: 'grep Seccomp /proc/self/status',
    inside: /^Seccomp:\t2\nSeccomp_filters:\t1$/,
    want: 'echo "personality(3) gives $(probe call 135 3)"',
    kernel: /^personality\(3\) gives -38$/,
  },
  {
    asked: 'apparmorProfile: writes to /guarded denied',
    change: (config, rootfs) => {
      mkdirSync(join(rootfs, 'guarded'))
      config.process['apparmorProfile'] = PROFILE
    },
    look: 'cat /proc/self/attr/current',
    inside: /^tsrun-\S+ \(enforce\)$/,
    want: 'touch /guarded/file',
    kernel: /^touch: \/guarded\/file: Permission denied$/,
  },
]

test.each(cases.map(it => [it.asked, it] as const))('%s', (asked, { change, look, inside, want, kernel, check }) => {
  const { stdout } = runScript(`cd /sys/fs/cgroup; exec 2>&1; ${look}; echo --; ${want}`, change)
  const [seen = '', done = ''] = stdout.trim().split('\n--\n')
  recordFigures(asked, seen.replace(PROFILE, 'the profile'), done)
  expect(seen).toMatch(inside)
  expect(done).toMatch(kernel)
  check?.(...kernel.exec(done)!.slice(1).map(Number))
})
