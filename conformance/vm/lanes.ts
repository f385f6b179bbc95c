// What boots, and what is tested there. README.md tells how to add to it.

export const HOSTS = ['node', 'static'] as const
export type Host = (typeof HOSTS)[number]

/** A file of tests that runs in a lane. */
export interface Topic {
  /** Below conformance/. */
  readonly file: string
  /** Also on Node.js, whose start takes a second in an emulated machine. Otherwise with the static binary alone. */
  readonly both?: true
  /** Tests that may be skipped there, by the start of their title, with the reason. Any other skipped test is a failure. */
  readonly skips?: Readonly<Record<string, string>>
}

export interface Lane {
  readonly name: string
  readonly summary: string
  /** The LSM that the kernel starts. */
  readonly security: 'apparmor' | 'selinux'
  /** Is systemd process 1, or guest/init.sh? */
  readonly systemd: boolean
  /** Another processor than this machine's, emulated; then the lane runs only when it is named. */
  readonly processor?: 'arm64'
  /** Seconds until the machine is given up, emulated. All lanes together have less than CI allows: .ci/run. */
  readonly timeout: number
  readonly topics: readonly Topic[]
}

/** The files of a lane for a host. */
export function topicsOf({ topics }: Lane, host: Host): readonly Topic[] {
  return topics.filter(({ both }) => both || host === 'static')
}

/** For hosts without the LSM that the lane has. */
const ELSEWHERE = 'what is said on other hosts'

/** For another processor than that of the lane. */
const X86_ONLY = 'x86-64 has these'

/** The lanes of `npm run test:vm` without a name. */
export const defaultLanes = () => lanes.filter(({ processor }) => processor === undefined)

export const lanes: readonly Lane[] = [
  {
    name: 'fast',
    summary: 'no systemd; every controller of cgroup v2, every capability, AppArmor',
    security: 'apparmor',
    systemd: false,
    timeout: 1500,
    topics: [
      { file: 'vm/fast.test.ts', both: true },
      { file: 'vm/confinement.test.ts', both: true },
      { file: 'vm/smallest.test.ts' },
      { file: 'cases/cgroup/limits.test.ts' },
      { file: 'cases/process/apparmor.test.ts', skips: { 'without AppArmor a profile is refused': ELSEWHERE } },
      { file: 'cases/process/scheduling.test.ts' },
      { file: 'cases/process/seccomp.test.ts', skips: { 'a 32-bit program is killed where ARM': 'this is no ARM' } },
      { file: 'cases/cgroup/cgroup.test.ts', skips: { 'a limit whose controller is not in the v2 tree': ELSEWHERE } },
      { file: 'cases/cgroup/events.test.ts' },
      { file: 'cases/process/rootless.test.ts' },
      {
        file: 'cases/checkpoint/checkpoint.test.ts',
        skips: {
          'without a kernel that tracks memory': ELSEWHERE,
          'without large pipes': ELSEWHERE,
          'a cgroup of version 1': 'version 2 is all that the machine has',
        },
      },
    ],
  },
  {
    name: 'selinux',
    summary: 'no systemd; SELinux, enforcing',
    security: 'selinux',
    systemd: false,
    timeout: 600,
    topics: [
      { file: 'vm/enforcing.test.ts', both: true },
      { file: 'cases/process/selinux.test.ts', both: true, skips: { 'without SELinux a label': ELSEWHERE } },
    ],
  },
  {
    name: 'full',
    summary: 'systemd as process 1, with a manager per user; podman with its default settings; AppArmor',
    security: 'apparmor',
    systemd: true,
    timeout: 1300,
    topics: [
      { file: 'vm/podman.test.ts' },
      { file: 'cases/cgroup/systemd.test.ts', skips: { 'without systemd the driver says': ELSEWHERE } },
      { file: 'cases/cgroup/update.test.ts', skips: { 'a limit that this host can not set': ELSEWHERE } },
    ],
  },
  {
    name: 'arm64',
    summary: 'arm64, with a root of Debian of its own; the static binary of build:static --arch arm64',
    security: 'apparmor',
    systemd: false,
    processor: 'arm64',
    timeout: 1800,
    topics: [
      { file: 'cases/lifecycle/lifecycle.test.ts' },
      {
        file: 'cases/process/seccomp.test.ts',
        skips: {
          'calls of x32': X86_ONLY,
          'an unlisted architecture is killed, a listed one': X86_ONLY,
        },
      },
      { file: 'cases/lifecycle/exec.test.ts' },
    ],
  },
]
