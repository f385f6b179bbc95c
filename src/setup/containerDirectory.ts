import { LOCK_EX, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import type { Fd, Fds } from '../../native/fd.ts'
import { encode } from '../../native/utf8.ts'
import { cgroupId } from '../cgroup/cgroup.ts'
import { HostError } from '../errors.ts'
import { isOpenToOthers } from '../host/callersFiles.ts'
import type { Runtime } from '../runtime.ts'
import { CONFIG_FILE, type ContainerRecord } from '../state/record.ts'
import { processStat } from '../state/status.ts'
import { keyringName } from './facilities/keyring.ts'
import { resctrlDirectories } from './facilities/resctrl.ts'
import type { HostResources } from './hostResources.ts'
import type { Prepared } from './prepare.ts'

/** The directory was made by the keeper; the lock is ours until the command ends. */
export function openDirectory(
  { outside }: Runtime,
  { plan, configText }: Prepared,
  { containers }: HostResources,
  fds: Fds,
): Fd<'outside'> {
  const directory = fds.keep(outside.openat(containers, plan.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
  if (isOpenToOthers(outside, directory))
    throw new HostError(`the directory of container \`${plan.id}\` was exchanged; see who else can write to --root`)
  outside.flock(directory, LOCK_EX)
  using config = outside.openat(directory, CONFIG_FILE, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  outside.writeAll(config, encode(configText))
  return directory
}

/** Without privileges hidepid hides it as long as it is not dumpable, and then no command could tell whether it lives. */
function notInProc({ outside }: Runtime, pid: number): HostError {
  const lives = outside.now({ name: 'kill', args: [pid, 0], tolerate: 'any' }) === 0
  return new HostError(
    lives
      ? '/proc hides the first process from this user; mount it without `hidepid` (mount -o remount,hidepid=0 /proc)'
      : 'the first process is gone; was it killed for lack of memory?',
  )
}

/** What is kept about a container whose first process is there. */
export function describe(
  runtime: Runtime,
  { plan, request }: Prepared,
  pid: number,
  { cgroup, resctrl }: HostResources,
): ContainerRecord {
  const { outside } = runtime
  const stat = processStat(outside, pid)
  if (stat === undefined) throw notInProc(runtime, pid)
  return {
    id: plan.id,
    ociVersion: plan.ociVersion,
    bundle: plan.bundle,
    rootfs: plan.rootfs,
    created: new Date().toISOString(),
    uid: outside.effectiveIds().uid,
    pid,
    startTime: stat.startTime,
    ...(cgroup && { cgroup: cgroup.path, cgroupId: cgroupId(outside, cgroup.path) }),
    ...(cgroup?.unit && { unit: cgroup.unit }),
    ...(resctrl && { resctrl: resctrlDirectories(resctrl) }),
    ...(!plan.namespaces.create.has('pid') && { sharedPidNamespace: true }),
    ...(plan.process === undefined && { withoutProcess: true }),
    ...(plan.notify && { notifies: true, notifyDirectory: plan.notify.directory }),
    ...((plan.hooks.poststart?.length || plan.hooks.poststop?.length) && { laterHooks: true }),
    ...(request.noNewKeyring ? { noNewKeyring: true } : { keyring: keyringName(outside, plan.id) }),
    ...(plan.annotations && { annotations: plan.annotations }),
  }
}
