// process.apparmorProfile. Most of it needs a kernel with AppArmor: `npm run test:vm` boots one.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import {
  type Change,
  command,
  createRunning,
  inside,
  removeLater,
  runBundle,
  runScript,
  tryCreate,
} from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { execLabel, FALSE_KINDS, falsifyProcfs } from '../../lib/falseProcfs.ts'
import { have } from '../../lib/machine.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isTsrun } from '../../lib/runtime.ts'
import { fresh, tag } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

function enabled(): boolean {
  const { stdout } = run(['cat', '/sys/module/apparmor/parameters/enabled'])
  return stdout.trim() === 'Y'
}

const profile = `tsrun-${tag}`
const outer = `tsrun-outer-${tag}`

/** Everything is allowed but to write to /guarded. */
const POLICY = [profile, outer]
  .map(
    name => `profile ${name} flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, mount, umount, remount, pivot_root, signal, ptrace, unix, dbus, userns,
  change_profile,
  ${name === profile ? 'deny /guarded/** w,' : ''}
}`,
  )
  .join('\n')

const withProfile =
  (name: string, noNewPrivileges = true): Change =>
  (config, rootfs) => {
    mkdirSync(join(rootfs, 'guarded'))
    config.process['apparmorProfile'] = name
    config.process.noNewPrivileges = noNewPrivileges
  }

test.each(['', 'unconfined'])('the profile %j asks for nothing', name => {
  expect(inside('echo fine', withProfile(name))).toBe('fine')
})

test.skipIf(enabled() || isCrun)('without AppArmor a profile is refused (crun: ignored)', () => {
  expectOneSentence(runBundle(makeBundle(withProfile('strict'))), /apparmorProfile.*AppArmor is not enabled/)
})

describe.skipIf(!enabled() || !have('apparmor_parser'))(
  'with AppArmor (not enabled here, or no apparmor_parser)',
  () => {
    beforeAll(() => {
      // An older parser does not know every rule.
      const older = POLICY.replaceAll(' userns,', '')
      if (run(['apparmor_parser', '--replace', '--skip-cache'], { input: POLICY }).status !== 0)
        must(['apparmor_parser', '--replace', '--skip-cache'], { input: older })
    })
    afterAll(() => {
      run(['apparmor_parser', '--remove'], { input: POLICY.replaceAll(' userns,', '') })
    })

    test.each([true, false])('the program runs in it, with noNewPrivileges %s', noNewPrivileges => {
      expect(inside('cat /proc/self/attr/current', withProfile(profile, noNewPrivileges))).toBe(`${profile} (enforce)`)
    })

    test('what it denies is denied', () => {
      const script = 'echo a > /free && echo written; echo a > /guarded/file || echo refused'
      const { stdout, stderr } = runScript(script, withProfile(profile))
      expect(stdout).toBe('written\nrefused\n')
      expect(stderr).toMatch(/guarded\/file: Permission denied/)
    })

    test('it holds for another user and in a user namespace', () => {
      const script = 'cat /proc/self/attr/current; id -u; echo a > /guarded/file || echo refused'
      const shown = inside(script, (config, rootfs) => {
        withProfile(profile)(config, rootfs)
        config.process.user = { uid: 1000, gid: 1000 }
        config.linux.namespaces.push({ type: 'user' })
        config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 2000 }]
        config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 2000 }]
      })
      expect(shown).toBe(`${profile} (enforce)\n1000\nrefused`)
    })

    test.each(FALSE_KINDS)('a false procfs over that of a container gets no label of exec: %s', make => {
      const container = createRunning(withProfile(profile))
      const { pid } = container.state()
      falsifyProcfs(container, pid!, make)
      expect(execLabel(container, pid!)).toEqual({ label: `${profile} (enforce)`, taken: '' })
    })

    test('hooks in the container are not confined', () => {
      const bundle = makeBundle((config, rootfs) => {
        withProfile(profile)(config, rootfs)
        const args = ['sh', '-c', 'cat /proc/self/attr/current > /guarded/label']
        config.hooks = { startContainer: [{ path: '/bin/sh', args, env: ['PATH=/bin'] }] }
      })
      expect(runBundle(bundle).stderr).toBe('')
      expect(readFileSync(join(bundle.rootfs, 'guarded/label'), 'utf8')).toBe('unconfined\n')
    })

    test('a profile that is not loaded is refused at create (peers: at start)', () => {
      const bundle = makeBundle(withProfile('tsrun-missing'))
      if (isTsrun) expectOneSentence(tryCreate(bundle).created, /apparmorProfile: .*`tsrun-missing` is not loaded/)
      else expect(runBundle(bundle).status).not.toBe(0)
    })

    test.skipIf(!isTsrun || !enabled() || !have('aa-exec'))('a confined runtime stacks the profile on its own', () => {
      const bundle = makeBundle((config, rootfs) => {
        withProfile(profile)(config, rootfs)
        config.process.args = ['sh', '-c', 'cat /proc/self/attr/current; echo a > /guarded/file || echo refused']
      })
      writeFileSync(join(bundle.rootfs, 'free'), '')
      const words = command('run', '--bundle', bundle.directory, removeLater(fresh()))
      const shown = must(['aa-exec', '-p', outer, '--', ...words])
      expect(shown).toContain(profile)
      expect(shown).toContain(`${outer}//&`)
      expect(shown).toMatch(/\(enforce\)\nrefused\n$/)
    })
  },
)
