// The runtime under podman 4.3, in the machine's view of cgroups and in the pure v2 view, as root and as a user.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import { have, isPureV2, isRoot } from '../../lib/machine.ts'
import { IMAGE, openPodman, type Podman } from '../../lib/podman.ts'
import { eventually } from '../../lib/run.ts'
import { isCrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { commandFile, openScreen } from '../../lib/tmux.ts'
import { withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

const complete = isRoot && ['podman', 'conmon', 'tmux', 'netavark', 'iptables', 'nsenter'].every(have)

/** Words of a `podman run` without a network. */
function quick(...words: string[]): string[] {
  return ['run', '--rm', '--network', 'none', ...words]
}

/** A container that runs until it is stopped. */
function detached(podman: Podman, ...words: string[]): string {
  const name = fresh('p')
  later(() => podman.run(['rm', '--force', '--ignore', '--time', '0', name]))
  podman.must('run', '-d', '--name', name, '--network', 'none', ...words)
  return name
}

const LOOP = "trap 'echo stopping; exit 3' TERM; echo started; while :; do sleep 0.05; done"

function cases(title: string, skip: boolean, open: () => Podman): void {
  const it = test.skipIf(skip || !complete)
  let podman: Podman
  beforeAll(() => {
    if (!skip && complete) podman = open()
  })
  afterAll(() => podman?.close())

  it(`${title}: run --rm echo`, () => {
    expect(podman.run(quick(IMAGE, 'echo', 'hi'))).toEqual({ status: 0, signal: null, stdout: 'hi\n', stderr: '' })
  })

  it(`${title}: stdin and exit code pass through`, () => {
    const result = podman.run(quick('-i', IMAGE, 'sh', '-c', 'cat; exit 7'), { input: 'by stdin' })
    expect(result).toMatchObject({ status: 7, stdout: 'by stdin' })
  })

  it(`${title}: run -d, ps, logs, stop, wait, rm`, () => {
    const name = detached(podman, IMAGE, 'sh', '-c', LOOP)
    expect(podman.must('ps', '--format', '{{.Names}} {{.Status}}')).toMatch(new RegExp(`^${name} Up`))
    eventually('the first line', () => podman.must('logs', name) === 'started')
    podman.must('stop', name)
    expect(podman.must('wait', name)).toBe('3')
    expect(podman.must('logs', name)).toBe('started\nstopping')
    expect(podman.must('ps', '--all', '--format', '{{.Names}} {{.Status}}')).toMatch(/Exited \(3\)/)
    podman.must('rm', name)
    expect(podman.must('ps', '--all', '--quiet')).toBe('')
  })

  it(`${title}: stop of a program that is deaf to TERM kills it`, () => {
    const name = detached(podman, IMAGE, 'sh', '-c', "trap '' TERM; while :; do sleep 0.05; done")
    podman.must('stop', '--time', '1', name)
    expect(podman.must('wait', name)).toBe('137')
  })

  it(`${title}: kill, and start again`, () => {
    const name = detached(podman, IMAGE, 'sh', '-c', LOOP)
    podman.must('kill', '--signal', 'KILL', name)
    expect(podman.must('wait', name)).toBe('137')
    podman.must('start', name)
    expect(podman.must('inspect', '--format', '{{.State.Status}}', name)).toBe('running')
    podman.must('rm', '--force', '--time', '0', name)
  })

  it(`${title}: -t gives a terminal`, () => {
    const script = 'tty; stat -c "%t %T" /dev/console; echo err >&2; exit 4'
    const { status, stdout, stderr } = podman.run(quick('-t', IMAGE, 'sh', '-c', script))
    expect([status, stdout, stderr]).toEqual([4, '/dev/pts/0\r\n88 0\r\nerr\r\n', ''])
  })

  it(`${title}: -d -t, logs, and the terminal of a user`, () => {
    const name = detached(podman, '-t', '--user', '1000', IMAGE, 'sh', '-c', `tty; stat -c %u /dev/pts/0; ${LOOP}`)
    const seen = () => podman.must('logs', name).replaceAll('\r', '')
    eventually('the terminal', () => seen() === '/dev/pts/0\n1000\nstarted')
    podman.must('stop', name)
    expect(podman.must('wait', name)).toBe('3')
  })

  it(`${title}: -i -t in a terminal of ours`, () => {
    const screen = openScreen(90, 25)
    const name = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', '--time', '0', name]))
    const words = podman.words(quick('-i', '-t', '--name', name, '--env', 'PS1=inner# ', IMAGE, 'sh'))
    screen.enter(`${commandFile(words)}; echo code=$?.`)
    screen.until(/^inner#/)
    screen.enter('echo size-$(stty size).')
    screen.until(/^size-25 90\.$/)
    screen.resize(70, 20)
    eventually('the new size', () => {
      screen.enter('echo size-$(stty size).')
      return screen.lines().includes('size-20 70.')
    })
    screen.enter('sleep 1000')
    eventually('sleep to run', () => podman.must('top', name, 'args').includes('sleep 1000'))
    screen.press('C-c')
    screen.enter('echo inner-$?.')
    screen.until(/^inner-130\.$/)
    screen.enter('exit 9')
    screen.until(/^code=9\.$/)
  })

  it(`${title}: create, start --attach`, () => {
    const name = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', name]))
    podman.must('create', '--name', name, '--network', 'none', IMAGE, 'echo', 'attached')
    expect(podman.must('start', '--attach', name)).toBe('attached')
  })

  it(`${title}: -v binds a directory, read-only when told`, () => {
    const directory = makeDirectory(0o777)
    writeFileSync(join(directory, 'file'), 'of the host\n')
    const script = 'cat /mnt/file; echo back > /mnt/new; touch /fixed/x 2>/dev/null || echo refused'
    const result = podman.run(
      quick('-v', `${directory}:/mnt`, '-v', `${directory}:/fixed:ro`, IMAGE, 'sh', '-c', script),
    )
    expect(result).toMatchObject({ status: 0, stdout: 'of the host\nrefused\n', stderr: '' })
    expect(readFileSync(join(directory, 'new'), 'utf8')).toBe('back\n')
  })

  it(`${title}: --user by number and by name`, () => {
    expect(podman.must(...quick('--user', '1000:1000', IMAGE, 'id', '-u'))).toBe('1000')
    expect(podman.must(...quick('--user', 'alice', IMAGE, 'sh', '-c', 'id -un; echo $HOME'))).toBe('alice\n/home/alice')
  })

  it(`${title}: --read-only`, () => {
    const script = 'touch /x 2>/dev/null || echo refused; touch /tmp/x && echo written'
    expect(podman.must(...quick('--read-only', IMAGE, 'sh', '-c', script))).toBe('refused\nwritten')
  })

  it(`${title}: --hostname, --env, --workdir`, () => {
    const words = quick(
      '--hostname',
      'box',
      '--env',
      'WHAT=a b',
      '--workdir',
      '/usr',
      IMAGE,
      'sh',
      '-c',
      'hostname; echo $WHAT; pwd',
    )
    expect(podman.must(...words)).toBe('box\na b\n/usr')
  })

  it(`${title}: --cap-drop and --cap-add`, () => {
    const caps = (...words: string[]) =>
      podman.must(...quick(...words, IMAGE, 'grep', 'CapEff', '/proc/self/status')).split('\t')[1]
    expect(caps('--cap-drop', 'all')).toBe('0000000000000000')
    expect(caps('--cap-drop', 'all', '--cap-add', 'kill')).toBe('0000000000000020')
    expect(caps('--cap-drop', 'kill')).not.toBe(caps())
  })

  it(`${title}: --tmpfs`, () => {
    const words = quick('--tmpfs', '/scratch:size=1m,mode=700', IMAGE, 'sh', '-c', 'grep " /scratch " /proc/mounts')
    expect(podman.must(...words)).toMatch(/^tmpfs \/scratch tmpfs .*size=1024k.*mode=700/)
  })

  it(`${title}: --security-opt no-new-privileges`, () => {
    const words = quick('--security-opt', 'no-new-privileges', IMAGE, 'grep', 'NoNewPrivs', '/proc/self/status')
    expect(podman.must(...words)).toBe('NoNewPrivs:\t1')
  })

  it(`${title}: seccomp by default, unconfined, and by a profile of one's own`, () => {
    const mode = (...words: string[]) => podman.must(...quick(...words, IMAGE, 'grep', 'Seccomp:', '/proc/self/status'))
    expect(mode()).toBe('Seccomp:\t2')
    expect(mode('--security-opt', 'seccomp=unconfined')).toBe('Seccomp:\t0')
    const profile = join(makeDirectory(), 'profile.json')
    const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }))
    const refused = podman.run(quick('--security-opt', `seccomp=${profile}`, IMAGE, 'mkdir', '/tmp/x'))
    expect(refused.stderr).toMatch(/not supported/i)
  })

  it(`${title}: exec, with its options and exit codes`, () => {
    const name = detached(podman, IMAGE, 'sh', '-c', LOOP)
    const run = (...words: string[]) => podman.run(['exec', ...words])
    expect(run('-i', name, 'sh', '-c', 'echo hi; exit 7')).toMatchObject({ status: 7, stdout: 'hi\n' })
    expect(podman.run(['exec', '-i', name, 'cat'], { input: 'by stdin' })).toMatchObject({ stdout: 'by stdin' })
    expect(
      podman.must('exec', '-u', 'alice', '-w', '/usr', '-e', 'A=b c', name, 'sh', '-c', 'id -un; pwd; echo $A'),
    ).toBe('alice\n/usr\nb c')
    expect(run(name, 'no-such-program').status).toBe(127)
    expect(run(name, '/etc/passwd').status).toBe(126)
    podman.must('exec', '-d', name, 'sh', '-c', 'echo here > /detached')
    eventually('the detached program', () => podman.run(['exec', name, 'cat', '/detached']).stdout === 'here\n')
    expect(podman.run(['exec', '-t', name, 'tty']).stdout.trim()).toMatch(/^\/dev\/pts\/\d$/)
  })

  it(`${title}: --init`, () => {
    const result = podman.run(quick('--init', IMAGE, 'cat', '/proc/1/comm'))
    // Without an init program on the machine podman says so itself.
    if (result.status === 0) expect(result.stdout).toMatch(/^(catatonit|podman-init|tini)/)
    else expect(result.stderr).toMatch(/init|catatonit/)
  })

  it(`${title}: exit code 127 for a missing program`, () => {
    expect(podman.run(quick(IMAGE, 'no-such-program'))).toMatchObject({
      status: 127,
      stderr: expect.stringContaining('no-such-program'),
    })
    expect(podman.run(quick(IMAGE, '/no/such/program')).status).toBe(127)
  })

  it(`${title}: exit code 126 for what can not be executed`, () => {
    expect(podman.run(quick(IMAGE, '/etc/passwd')).status).toBe(126)
  })

  it(`${title}: exit code 125 for an error of podman's own`, () => {
    expect(podman.run(quick('--no-such-option', IMAGE, 'true')).status).toBe(125)
  })

  it(`${title}: nothing of all this is left in the runtime's state root`, () => {
    const root = podman.beside(['sh', '-c', 'ls -A "/run/$0" "$XDG_RUNTIME_DIR/$0" 2>/dev/null', runtime.kind])
    expect(root.stdout.split('\n').filter(line => line !== '' && !line.endsWith(':'))).toEqual([])
  })

  it(`${title}: a failed run leaves no container`, () => {
    const name = fresh('p')
    later(() => podman.run(['rm', '--force', '--ignore', name]))
    podman.run(['run', '--name', name, '--network', 'none', IMAGE, 'no-such-program'])
    podman.must('rm', name)
    expect(podman.must('ps', '--all', '--quiet')).toBe('')
  })
}

function rootCases(title: string, skip: boolean, view: 'machine' | 'v2'): void {
  let opened: Podman
  cases(title, skip, () => {
    opened = openPodman(view)
    return opened
  })

  // An unprivileged user's containers may have no cgroup here, without which nothing is paused.
  test.skipIf(skip || !complete)(`${title}: pause, unpause, top, and kill of a paused container`, () => {
    const name = detached(opened, IMAGE, 'sh', '-c', LOOP)
    const status = () => opened.must('inspect', '--format', '{{.State.Status}}', name)
    opened.must('pause', name)
    expect(status()).toBe('paused')
    opened.must('unpause', name)
    expect(status()).toBe('running')
    expect(opened.must('top', name, 'args')).toContain('trap')
    opened.must('pause', name)
    opened.must('rm', '--force', '--time', '0', name)
    expect(opened.must('ps', '--all', '--quiet')).toBe('')
  })

  test.skipIf(skip || !complete)(`${title}: -p with the default network answers from outside`, () => {
    const name = fresh('p')
    later(() => opened.run(['rm', '--force', '--ignore', '--time', '0', name]))
    const serve = 'mkdir /www; echo served > /www/index.html; exec httpd -f -p 80 -h /www'
    opened.must('run', '-d', '--name', name, '-p', '18080:80', IMAGE, 'sh', '-c', serve)
    const get =
      "fetch('http://127.0.0.1:18080/').then(answer => answer.text()).then(text => process.stdout.write(text))"
    const answer = eventually('an answer', () => {
      const { status, stdout } = opened.beside([process.execPath, '-e', get])
      return status === 0 ? stdout : undefined
    })
    expect(answer).toBe('served\n')
  })
}

// crun does not start where controllers of v1 are mounted.
rootCases('root, the machine as it is', isCrun && !isPureV2(), 'machine')
rootCases('root, pure v2', false, 'v2')
cases('rootless, pure v2', !have('newuidmap'), () => openPodman('v2', user.current))
