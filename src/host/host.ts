import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Out } from '../../native/struct.ts'
import { decode } from '../../native/utf8.ts'
import { resolve } from '../paths.ts'

/** A path of the host made absolute with the current directory. */
export function absolute(outside: Kernel<'outside'>, path: string): string {
  if (path.startsWith('/')) return resolve('/', path)
  const out = new Out(4096)
  const length = outside.now({ name: 'getcwd', args: [out, 4096] })
  return resolve(decode(out.bytes.subarray(0, length - 1)), path)
}

/** The name of a user in the host's /etc/passwd; the number when there is none. */
export function userName(outside: Kernel<'outside'>, uid: number): string {
  const line = (outside.readTextIfAny(AT_FDCWD, '/etc/passwd') ?? '')
    .split('\n')
    .find(entry => entry.split(':')[2] === String(uid))
  return line?.split(':')[0] ?? String(uid)
}

/** The highest capability that this kernel knows. */
export function lastCapability(outside: Kernel<'outside'>): number {
  return Number(outside.readTextIfAny(AT_FDCWD, '/proc/sys/kernel/cap_last_cap') ?? 40)
}

/** Which capabilities are in effect here? */
export function ownCapabilities(outside: Kernel<'outside'>): (capability: number) => boolean {
  return holds(outside.capget().effective)
}

/** Is a capability in this set? */
export function holds(mask: bigint): (capability: number) => boolean {
  return capability => ((mask >> BigInt(capability)) & 1n) === 1n
}
