import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compilers, evaluate } from '../../../testing/compiler.ts'
import * as file from './file.ts'
import * as filter from './filter.ts'
import * as process from './process.ts'
import * as socket from './socket.ts'

type Layout = Readonly<Record<string, number>>

/** Of each layout the type in C, and where a field has another name there. */
interface Origin {
  readonly type: string
  readonly below?: string
  readonly names?: Readonly<Record<string, string>>
}

type Origins<T> = { readonly [K in keyof T]: Origin }

const struct = (name: string, names?: Origin['names']): Origin => ({ type: `struct ${name}`, ...(names && { names }) })
const bpf = (below: string): Origin => ({ type: 'union bpf_attr', below })

const origins = {
  'file.ts': [
    file,
    ['linux/stat.h', 'asm/stat.h', 'asm/statfs.h', 'linux/openat2.h', 'linux/mount.h', 'dirent.h'],
    {
      STATX: struct('statx', { stx_mtime: 'stx_mtime.tv_sec' }),
      STAT: struct('stat'),
      DIRENT64: struct('dirent64'), // the C library's has the form of the kernel's linux_dirent64
      STATFS: struct('statfs'),
      OPEN_HOW: struct('open_how'),
      MOUNT_ATTR: struct('mount_attr'),
    } satisfies Origins<Omit<typeof file, 'statOf'>>,
  ],
  'process.ts': [
    process,
    [
      ...[
        'linux/sched.h',
        'linux/types.h',
        'linux/sched/types.h',
        'linux/capability.h',
        'linux/pidfd.h',
        'linux/utsname.h',
        'signal.h',
      ],
      ...['poll.h', 'sys/time.h', 'sys/resource.h', 'asm/termbits.h', 'asm/termios.h'],
    ],
    {
      CLONE_ARGS: struct('clone_args'),
      SIGINFO: { type: 'siginfo_t' },
      NEW_UTSNAME: struct('new_utsname'),
      PIDFD_INFO: struct('pidfd_info'),
      POLLFD: struct('pollfd'),
      TIMESPEC: struct('timespec'),
      TIMEVAL: struct('timeval'),
      ITIMERVAL: struct('itimerval'),
      RLIMIT: struct('rlimit64'),
      SCHED_ATTR: struct('sched_attr'),
      CAP_HEADER: struct('__user_cap_header_struct'),
      CAP_DATA: struct('__user_cap_data_struct'),
      WINSIZE: struct('winsize'),
      TERMIOS: struct('termios'),
    } satisfies Origins<typeof process>,
  ],
  'socket.ts': [
    socket,
    ['sys/socket.h', 'sys/uio.h', 'sys/un.h', 'net/if.h', 'linux/netlink.h', 'linux/rtnetlink.h', 'linux/if_addr.h'],
    {
      IOVEC: struct('iovec'),
      MSGHDR: struct('msghdr'),
      CMSGHDR: struct('cmsghdr'),
      UCRED: struct('ucred'),
      SOCKADDR_UN: struct('sockaddr_un'),
      IFREQ: struct('ifreq'),
      NLMSGHDR: struct('nlmsghdr'),
      NLATTR: struct('nlattr'),
      IFINFOMSG: struct('ifinfomsg'),
      IFADDRMSG: struct('ifaddrmsg'),
    } satisfies Origins<typeof socket>,
  ],
  'filter.ts': [
    filter,
    ['linux/filter.h', 'linux/bpf.h'],
    {
      SOCK_FILTER: struct('sock_filter'),
      SOCK_FPROG: struct('sock_fprog'),
      BPF_INSN: struct('bpf_insn'),
      BPF_LOAD: { type: 'union bpf_attr' },
      BPF_ATTACH: { type: 'union bpf_attr' },
      BPF_QUERY: bpf('query.'),
      BPF_ID: { type: 'union bpf_attr' },
      BPF_INFO: bpf('info.'),
      BPF_PROG_INFO: struct('bpf_prog_info'),
    } satisfies Origins<typeof filter>,
  ],
} as const

/** Since when the kernel's headers have them. */
const NEWER = ['struct pidfd_info' /* 6.13 */]

function expressionOf({ type, below = '', names = {} }: Origin, field: string): string {
  return field === 'size' ? `sizeof(${type})` : `offsetof(${type}, ${below}${names[field] ?? field})`
}

test('every file is compared', () => {
  const files = readdirSync(import.meta.dirname).filter(name => !name.endsWith('.test.ts'))
  expect(files.sort()).toEqual(Object.keys(origins).sort())
})

const cases = compilers.flatMap(compiler => Object.keys(origins).map(name => [name, compiler] as const))

test.each(cases)('the layouts of %s are those of the headers (%o)', (name, compiler) => {
  const [layouts, headers, origin] = origins[name as keyof typeof origins]
  const { statOf: _, ...common } = layouts as Readonly<Record<string, Layout>>
  const own = layouts === file ? { STAT: file.statOf[compiler.arch] } : {}
  const fields = Object.entries<Layout>({ ...common, ...own }).flatMap(([layout, offsets]) =>
    Object.entries(offsets).map(([field, value]) => {
      const expression = expressionOf((origin as Record<string, Origin>)[layout]!, field)
      return { layout, field, value, expression }
    }),
  )
  const values = evaluate(
    compiler,
    headers,
    fields.map(({ expression }) => expression),
  )
  const wrong = fields
    .map(field => ({ ...field, header: values.get(field.expression) }))
    .filter(({ value, header }) => header !== BigInt(value))
    .filter(({ expression, header }) => header !== undefined || !NEWER.some(type => expression.includes(type)))
  expect(wrong).toEqual([])
})
