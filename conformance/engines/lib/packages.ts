import { spawnSync } from 'node:child_process'

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' })
  return stdout.includes('\nStatus: install ok installed\n')
}

/** Installs the packages of Debian that are missing, without starting the daemons in them. */
export function install(names: readonly string[]): void {
  const missing = names.filter(name => !isInstalled(name))
  if (missing.length === 0) return
  console.error(`installing ${missing.join(' ')}`)
  const script = `
set -e
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"`
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...missing], { encoding: 'utf8', env })
  if (status !== 0) throw new Error(`apt-get could not install ${missing.join(' ')}:\n${stdout}${stderr}`)
}
