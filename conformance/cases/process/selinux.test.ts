// process.selinuxLabel and linux.mountLabel. Most of it needs a kernel with SELinux and a policy that has container_t:
// `npm run test:vm` boots one.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bundle, makeBundle } from '../../lib/bundle.ts'
import { type Change, runBundle, tryCreate } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { execLabel, FALSE_KINDS, falsifyProcfs } from '../../lib/falseProcfs.ts'
import { recordFigures } from '../../lib/figures.ts'
import { hostMounts } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const LEVEL = 's0:c1,c2'
const PROCESS = `system_u:system_r:container_t:${LEVEL}`
const FILE = `system_u:object_r:container_file_t:${LEVEL}`

const enabled = hostMounts().some(({ type }) => type === 'selinuxfs')
/** Does the policy know the label? */
const known = enabled && run(['sh', '-c', `printf %s ${PROCESS} > /sys/fs/selinux/context`]).status === 0
const enforcing = enabled && run(['cat', '/sys/fs/selinux/enforce']).stdout === '1'

const compiler = run(['sh', '-c', 'command -v cc']).status === 0

/** KEYCTL_GET_SECURITY of the session keyring, see keyctl_get_security(3). */
const ASK = `#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
  char label[256];
  if (syscall(SYS_keyctl, 17, -3, label, sizeof label) < 0) { perror("keyctl"); return 1; }
  return puts(label) < 0;
}
`

const labeled =
  (args: Change = () => {}): Change =>
  (config, rootfs) => {
    config.process['selinuxLabel'] = PROCESS
    config.linux['mountLabel'] = FILE
    args(config, rootfs)
  }

/** Runs a script in a container whose files have its label. Its words come through a file: it may not use our pipes. */
function words(script: string, change: Change = () => {}): string {
  const bundle = makeBundle((config, rootfs) => {
    labeled(change)(config, rootfs)
    config.process.args = ['sh', '-c', `{ ${script}\n} > /words 2>&1`]
  })
  label(bundle, FILE)
  const { stderr } = runBundle(bundle)
  expect(stderr).toBe('')
  return readFileSync(join(bundle.rootfs, 'words'), 'utf8').trim()
}

function label({ rootfs }: Bundle, context: string, path = '.'): void {
  must(['chcon', '-R', context, join(rootfs, path)])
}

test('empty labels ask for nothing', () => {
  const bundle = makeBundle(config => {
    config.process['selinuxLabel'] = ''
    config.linux['mountLabel'] = ''
  })
  expect(runBundle(bundle)).toMatchObject({ status: 0, stderr: '' })
})

test.skipIf(enabled || isCrun)('without SELinux a label of the process is refused (crun: ignored)', () => {
  const bundle = makeBundle(config => {
    config.process['selinuxLabel'] = PROCESS
  })
  expectOneSentence(runBundle(bundle), /selinuxLabel.*SELinux is not enabled/)
})

test.skipIf(enabled || isCrun || isRunc)(
  'without SELinux a label for mounts is refused (peers: ignored or EINVAL)',
  () => {
    const bundle = makeBundle(config => {
      config.linux['mountLabel'] = FILE
    })
    expectOneSentence(runBundle(bundle), /mountLabel.*SELinux is not enabled/)
  },
)

describe.skipIf(!known)('with SELinux (not enabled here, or a policy without container_t)', () => {
  test('the program has its label', () => {
    // The kernel ends the label with a NUL.
    expect(words("tr -d '\\0' < /proc/self/attr/current")).toBe(PROCESS)
  })

  test.each(FALSE_KINDS)('a false procfs over that of a container gets no label of exec: %s', make => {
    const bundle = makeBundle(
      labeled(config => {
        config.process.args = ['sleep', '1000']
      }),
    )
    label(bundle, FILE)
    const container = tryCreate(bundle)
    expect(container.start().stderr).toBe('')
    const { pid } = container.state()
    falsifyProcfs(container, pid!, make)
    expect(execLabel(container, pid!)).toEqual({ label: PROCESS, taken: '' })
  })

  test('hooks in the container have the label of the runtime', () => {
    const bundle = makeBundle(
      labeled((config, rootfs) => {
        mkdirSync(join(rootfs, 'hook'))
        const args = ['sh', '-c', 'cat /proc/self/attr/current > /hook/label']
        config.hooks = { startContainer: [{ path: '/bin/sh', args, env: ['PATH=/bin'] }] }
      }),
    )
    label(bundle, FILE)
    expect(runBundle(bundle).stderr).toBe('')
    const shown = readFileSync(join(bundle.rootfs, 'hook/label'), 'utf8').replace('\0', '')
    expect(shown).toBe(readFileSync('/proc/self/attr/current', 'utf8').replace('\0', ''))
  })

  /** Labels of paths in a container, looked at from outside: its busybox knows nothing of SELinux. */
  function labels(paths: readonly string[], change: Change = () => {}): Record<string, string> {
    const bundle = makeBundle(labeled(change))
    label(bundle, FILE)
    const container = tryCreate(bundle)
    expect(container.created.stderr).toBe('')
    const root = `/proc/${container.state().pid}/root`
    return Object.fromEntries(paths.map(path => [path, must(['stat', '-c', '%C', `${root}${path}`]).trim()]))
  }

  test('new file systems have the label of mounts, those of the kernel keep theirs', () => {
    const labeled = ['/dev', '/dev/shm', '/dev/pts', '/dev/mqueue', '/dev/null']
    const found = labels([...labeled, '/proc', '/sys'])
    expect(labeled.map(path => [path, found[path]])).toEqual(labeled.map(path => [path, FILE]))
    recordFigures(`mountLabel ${FILE}`, `/dev/shm ${found['/dev/shm']}`, `/proc ${found['/proc']}`)
    for (const path of ['/proc', '/sys']) expect(found[path]).not.toBe(FILE)
  })

  test('a masked directory has the label of mounts', () => {
    const found = labels(['/secrets'], (config, rootfs) => {
      mkdirSync(join(rootfs, 'secrets'))
      config.linux.maskedPaths = ['/secrets']
    })
    expect(found).toEqual({ '/secrets': FILE })
  })

  test.skipIf(isRunc)('the annotation of crun chooses the option of mount', () => {
    const shown = words('grep " /dev/shm " /proc/self/mountinfo', config => {
      config.annotations = { 'run.oci.mount_context_type': 'rootcontext' }
      config.mounts = config.mounts.filter(({ type }) => type !== 'devpts') // not allowed by every policy
    })
    expect(shown).toMatch(/rootcontext="?system_u:object_r:container_file_t:s0:c1,c2/)
  })

  test.skipIf(!enforcing)('another container can not read its files (needs enforcing mode)', () => {
    const script = "tr '\\0' '\\n' < /proc/self/attr/current; cat /mine; cat /theirs"
    const bundle = makeBundle((config, rootfs) => {
      labeled()(config, rootfs)
      config.process.args = ['sh', '-c', `{ ${script}; } > /words 2>&1`]
      must(['sh', '-c', `echo ours > ${rootfs}/mine; echo secret > ${rootfs}/theirs; : > ${rootfs}/words`])
    })
    label(bundle, FILE)
    label(bundle, FILE.replace(LEVEL, 's0:c3,c4'), 'theirs')
    runBundle(bundle)
    const [own, mine, theirs] = readFileSync(join(bundle.rootfs, 'words'), 'utf8').trim().split('\n')
    recordFigures(`selinuxLabel ${PROCESS}, and a file of s0:c3,c4`, own!, theirs!)
    expect([own, mine]).toEqual([PROCESS, 'ours'])
    expect(theirs).toMatch(/theirs.*Permission denied$/)
  })

  test.skipIf(!enforcing)(
    'the host’s files are out of reach even when they are bound in (needs enforcing mode)',
    () => {
      const shown = words('cat /shadow || echo refused', (config, rootfs) => {
        must(['touch', join(rootfs, 'shadow')])
        config.mounts.push({ destination: '/shadow', type: 'bind', source: '/etc/passwd', options: ['bind', 'ro'] })
      })
      recordFigures(
        'selinuxLabel, and a file of the host bound in',
        must(['stat', '-c', '%A %U', '/etc/passwd']),
        shown,
      )
      expect(shown).toMatch(/Permission denied\nrefused$/)
    },
  )

  test.skipIf(!isTsrun)('a label that the policy does not know is refused at create', () => {
    const bundle = makeBundle(config => {
      config.process['selinuxLabel'] = 'system_u:system_r:nonsense_t:s0'
    })
    expectOneSentence(tryCreate(bundle).created, /selinuxLabel: .*nonsense_t.* is not valid in the loaded policy/)
  })

  test.skipIf(!compiler)('the session keyring has the label of the program (needs a C compiler)', () => {
    const shown = words('/ask', (_, rootfs) => {
      must(['cc', '-static', '-O1', '-x', 'c', '-o', join(rootfs, 'ask'), '-'], { input: ASK })
    })
    recordFigures('selinuxLabel, and a session keyring', `keyctl_get_security: ${shown}`)
    expect(shown).toBe(PROCESS)
  })
})
