// One boot of a machine: qemu's command line, the console, the time limit, the end.

import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repository } from '../lib/repository.ts'
import type { Image } from './image.ts'
import type { Lane } from './lanes.ts'

/** Where in the machine the shared directory is. */
export const SHARED = '/run/vm'

export interface Boot {
  readonly lane: Lane
  readonly image: Image
  /** A directory that host and machine share: `task.sh` is in it. */
  readonly shared: string
  /** Gets each line of the console; without it the console is the terminal of this process. */
  readonly onLine?: (line: string) => void
}

/** A KVM that does without the processor's help (PVM) is there too, and boots only kernels made for it. */
function canAccelerate(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return /^flags\s*:.* (vmx|svm)( |$)/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    return false
  }
}

export const CPUS = 2
const MEMORY = '3G'

/** The program that is the machine, and its console. */
function emulator({ lane: { processor }, image }: Boot): { words: string[]; console: string } {
  if (processor === 'arm64') {
    const words = ['qemu-system-aarch64', '-M', 'virt,gic-version=3', '-accel', TCG, '-cpu', 'cortex-a72']
    return { words, console: 'ttyAMA0' }
  }
  const accelerator = canAccelerate()
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', image.isOwnKernel ? TCG : TCG_AT_ONCE, '-cpu', 'max,-la57']
  return { words: ['qemu-system-x86_64', '-M', 'q35', ...accelerator], console: 'ttyS0' }
}

const TCG = 'tcg,thread=multi,tb-size=512'
/** One thread for all processors. While Linux 7.2 patched its code, one in a thread of its own was seen to run half of an instruction. */
const TCG_AT_ONCE = 'tcg,thread=single,tb-size=512'

/** Has the repository and the modules of the kernel in a root that is not the host's, in a mount namespace of the machine's own. */
function mounting({ image }: Boot): string[] {
  if (image.root === '/') return []
  const place = `${image.root}${repository}`
  mkdirSync(place, { recursive: true })
  const script = 'mount --bind "$1" "$2"; mount --bind "$3" "$4"; shift 4; exec "$@"'
  const mounts = [repository, place, join(image.modules, 'lib/modules'), join(image.root, 'lib/modules')]
  return ['unshare', '-m', '--propagation', 'private', 'sh', '-ec', script, 'sh', ...mounts]
}

function kernelArguments(boot: Boot): string {
  const { lane } = boot
  const lsm = lane.security === 'selinux' ? ['security=selinux', 'selinux=1'] : ['security=apparmor']
  return [
    `console=${emulator(boot).console} quiet panic=-1`, // and qemu ends instead of booting again
    'mitigations=off nokaslr no_timer_check tsc=reliable random.trust_cpu=on', // sooner there
    'systemd.show_status=0 systemd.unit=vm.target',
    ...lsm,
    `vm.init=${repository}/conformance/vm/guest/init.sh`,
  ].join(' ')
}

function share(tag: string, path: string, options = ''): string[] {
  const fsdev = `local,id=${tag},path=${path},security_model=none${options}`
  return ['-fsdev', fsdev, '-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`]
}

function disk(name: string, path: string, options: string): string[] {
  const drive = `if=none,id=${name},file=${path},format=raw,${options}`
  return ['-drive', drive, '-device', `virtio-blk-pci,drive=${name}`]
}

function commandLine(boot: Boot): string[] {
  const { image, shared, onLine } = boot
  return [
    ...['setpriv', '--pdeathsig', 'KILL', ...mounting(boot), ...emulator(boot).words],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-serial', onLine === undefined ? 'mon:stdio' : 'stdio'],
    ...['-smp', String(CPUS), '-m', MEMORY],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', kernelArguments(boot)],
    ...['-device', 'virtio-rng-pci'],
    ...disk('layer', image.layer, 'readonly=on'),
    ...disk('disk', image.disk, 'snapshot=on,cache=unsafe'),
    ...share('host', image.root, ',readonly=on,multidevs=remap'),
    ...share('vm', shared),
  ]
}

/** Puts what guest/init.sh wants into the shared directory. */
function fillShared(boot: Boot): void {
  const { lane, image, shared } = boot
  const settings = {
    REPOSITORY: repository,
    MODULES: image.root === '/' ? join(image.modules, 'lib/modules') : '/lib/modules',
    KEEP: [repository, dirname(process.execPath)].join(' '),
    CONSOLE: emulator(boot).console,
    SECURITY: lane.security,
    SYSTEMD: lane.systemd ? 'yes' : 'no',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'\n`)
  writeFileSync(join(shared, 'settings'), lines.join(''))
  const types = join(repository, 'dist/types')
  cpSync(join(repository, 'dist'), join(shared, 'dist'), { recursive: true, filter: path => path !== types })
  if (lane.processor !== undefined)
    cpSync(join(repository, `dist/static-${lane.processor}/tsrun`), join(shared, 'dist/tsrun'))
}

function forwardLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text.replaceAll('\r', '')).split('\n')
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  })
  child.on('close', () => rest !== '' && onLine(rest))
}

/**
 * Boots the lane, waits until its task has ended and the machine is off, and gives the task's exit code: undefined when
 * the machine ended without telling one, in particular when it took too long.
 */
export async function boot(options: Boot): Promise<number | undefined> {
  const { lane, shared, onLine } = options
  fillShared(options)
  const [program, ...words] = commandLine(options)
  const child = spawn(program!, words, {
    stdio: onLine === undefined ? 'inherit' : ['ignore', 'pipe', 'inherit'],
  })
  if (onLine !== undefined) forwardLines(child, onLine)
  const kill = () => child.kill('SIGKILL')
  const timer = onLine === undefined ? undefined : setTimeout(kill, lane.timeout * 1000)
  process.once('exit', kill)
  try {
    await new Promise((done, failed) => child.once('close', done).once('error', failed))
  } finally {
    clearTimeout(timer)
    process.off('exit', kill)
  }
  const code = join(shared, 'code')
  return existsSync(code) ? Number(readFileSync(code, 'utf8')) : undefined
}
