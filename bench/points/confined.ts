import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import type { Config, Seccomp } from '../../spec/generated/config.ts'
import { resolveProfile, USUAL_CAPABILITIES } from '../../src/diagnose/explain/engines.ts'
import { type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands, single } from '../lib/contenders.ts'
import type { Quantity } from '../lib/results.ts'
import { hasController } from '../lib/view.ts'

/** The default profile of podman, buildah and CRI-O, as their packages install it. */
const PROFILE = '/usr/share/containers/seccomp.json'

/** podman's own default. */
const PIDS_LIMIT = 2048

export const confined: Point = {
  name: 'confined',
  summary: 'one `run` with the capabilities, the seccomp profile and the limits that podman gives a container',
  measure: async bench => {
    const limited = hasController('pids')
    const quantity: Quantity = {
      id: 'confined',
      title: 'One `run` of /bin/true as podman confines it',
      unit: 'ms',
      figure: 'median',
      better: 'less',
      reference: bench.reference,
      note: limited ? undefined : 'The limit of processes is left out: its controller is not here.',
    }
    if (!existsSync(PROFILE)) return [{ ...quantity, rows: [], unavailable: `${PROFILE} is missing: install podman` }]
    const bundle = bench.bundles.make('confined', ['/bin/true'], config => confine(config, limited))
    // The floor and bubblewrap have no filter of system calls.
    const contenders = runCommands({ ...bench, floor: undefined, bubblewrap: undefined, bundle }, 'confined').map(
      ({ subject, words }) => single(bench, subject, words(), ({ milliseconds }) => [milliseconds]),
    )
    return compare(
      bench,
      { title: 'confined', rounds: rounds(bench, 40), warmUp: 2, quantities: [quantity] },
      contenders,
    )
  },
}

function confine(config: Config, limited: boolean): void {
  const { profile } = resolveProfile(JSON.parse(readFileSync(PROFILE, 'utf8')), {
    native: 'x86_64',
    capabilities: USUAL_CAPABILITIES,
    kernel: release(),
  })
  const capabilities = [...USUAL_CAPABILITIES]
  config.process = {
    ...config.process!,
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
  }
  config.linux = {
    ...config.linux,
    seccomp: profile as unknown as Seccomp,
    ...(limited && { resources: { ...config.linux?.resources, pids: { limit: PIDS_LIMIT } } }),
  }
}
