import { capabilities } from '../../native/abi/capability.ts'
import { memoryPolicyFlags, memoryPolicyModes } from '../../native/abi/scheduling/mempolicy.ts'
import type { SeccompFlag } from '../../spec/generated/config.ts'
import type { Features } from '../../spec/generated/features.ts'
import { mountOptionNames } from './mounts/mountOptions.ts'
import { seccompFeatures } from './seccomp/features.ts'

/**
 * What `tsrun features` prints: which parts of the specification this build carries out (features.md). Only the flags for
 * seccomp(2) depend on the kernel, as features-linux.md says: `supportsFlag` tells which of them it knows. Checkpoints
 * depend on CRIU: engines look at the annotation, which has runc's name.
 */
export function features(supportsFlag: (flag: SeccompFlag) => boolean = () => true, hasCriu = true): Features {
  return {
    ociVersionMin: '1.0.0',
    ociVersionMax: '1.3.0',
    hooks: ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'],
    mountOptions: mountOptionNames(),
    linux: {
      namespaces: ['cgroup', 'ipc', 'mount', 'network', 'pid', 'time', 'user', 'uts'],
      capabilities: Object.keys(capabilities),
      cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: seccompFeatures(supportsFlag),
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: { modes: Object.keys(memoryPolicyModes), flags: Object.keys(memoryPolicyFlags) },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: { 'org.opencontainers.runc.checkpoint.enabled': String(hasCriu) },
    potentiallyUnsafeConfigAnnotations: [
      'org.criu.config',
      'org.systemd.property.',
      'run.oci.systemd.subgroup',
      'run.oci.delegate-cgroup',
      'run.oci.keep_original_groups',
      'run.oci.pidfd_receiver',
      'run.oci.hooks.stdout',
      'run.oci.hooks.stderr',
      'run.oci.seccomp.receiver',
      'run.oci.seccomp_bpf_data',
    ],
  }
}
