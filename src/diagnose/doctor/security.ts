import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../../native/abi/fcntl.ts'
import { type DoctorCheck, type Facts, ok } from './checkResult.ts'

const AREA = 'security modules'

/** Which of the modules that label containers are in use. None of them is needed. */
export const checkSecurityModules: DoctorCheck = facts => {
  const labels = [apparmor(facts), selinux(facts)].filter(text => text !== undefined)
  if (labels.length > 0) return labels.map(text => ok(AREA, text))
  return [ok(AREA, 'neither AppArmor nor SELinux is in use; a config.json that asks for a profile or label is refused')]
}

function apparmor({ outside }: Facts): string | undefined {
  const enabled = outside.readTextIfAny(AT_FDCWD, '/sys/module/apparmor/parameters/enabled')?.startsWith('Y')
  return enabled ? 'AppArmor is in use' : undefined
}

function selinux({ outside }: Facts): string | undefined {
  using fd = outside.openat(AT_FDCWD, '/sys/fs/selinux', O_PATH | O_DIRECTORY, 0, 'any')
  if (!fd.exists) return undefined
  const enforcing = outside.readTextIfAny(AT_FDCWD, '/sys/fs/selinux/enforce')?.trim()
  return enforcing === undefined ? undefined : `SELinux is in use, ${enforcing === '1' ? 'enforcing' : 'permissive'}`
}
