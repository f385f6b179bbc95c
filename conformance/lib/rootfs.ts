// A root file system made of busybox.

import { copyFileSync, linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './run.ts'

const BUSYBOX = '/bin/busybox'
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:alice:/home/alice:/bin/sh\n'
const GROUP = 'root:x:0:\ntty:x:5:\nalice:x:1000:\n'

let applets: string[] | undefined

/** Fills `rootfs` with busybox under all its names, which are cheaper than 400 links with inodes of their own, and the directories every system has. */
export function makeRootfs(rootfs: string): void {
  for (const name of ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp', 'usr', 'var']) {
    mkdirSync(join(rootfs, name), { recursive: true, mode: 0o755 })
  }
  const busybox = join(rootfs, 'bin/busybox')
  copyFileSync(BUSYBOX, busybox)
  applets ??= must([BUSYBOX, '--list']).trim().split('\n')
  for (const applet of applets) if (applet !== 'busybox') linkSync(busybox, join(rootfs, 'bin', applet))
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD)
  writeFileSync(join(rootfs, 'etc/group'), GROUP)
}
