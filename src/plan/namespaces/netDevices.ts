import type { NetDevice } from '../../../spec/generated/config.ts'

/** A network interface of the host that the container gets, with its name there, which may end in `%d`. */
export interface NetDevicePlan {
  readonly name: string
  readonly inside: string
}

/** config-linux.md#network-devices, in the order of config.json. */
export function planNetDevices(devices: Readonly<Record<string, NetDevice>> = {}): NetDevicePlan[] {
  return Object.entries(devices).map(([name, device]) => ({ name, inside: device.name || name }))
}
