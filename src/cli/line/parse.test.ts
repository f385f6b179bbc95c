import { expect, test } from 'vitest'
import { type Parsed, parse } from './parse.ts'

function read(line: string): Parsed {
  const parsed = parse(line.split(' '))
  if ('misuse' in parsed) throw parsed.misuse
  return parsed
}

function mistake(line: string): string {
  const parsed = parse(line === '' ? [] : line.split(' '))
  return 'misuse' in parsed ? parsed.misuse.message : `no mistake: ${JSON.stringify(parsed)}`
}

test('parse() reads what conmon sends', () => {
  const { command, globals, options, positionals } = read(
    '--systemd-cgroup --root=/r create --bundle /b --pid-file /p --no-new-keyring --console-socket /s c1',
  )
  expect(command).toBe('create')
  expect(globals).toMatchObject({ 'systemd-cgroup': true, root: '/r' })
  expect(options).toMatchObject({ bundle: '/b', 'pid-file': '/p', 'no-new-keyring': true, 'console-socket': '/s' })
  expect(positionals).toEqual(['c1'])
})

test('parse() fills in defaults', () => {
  const { globals, options } = read('create c1')
  expect(globals).toMatchObject({ root: undefined, 'log-format': 'text', debug: false, 'cgroup-manager': 'cgroupfs' })
  expect(options).toMatchObject({ bundle: undefined, 'no-pivot': false, 'preserve-fds': 0 })
})

test('parse() takes a long option after one dash, as Go programs do', () => {
  expect(read('run -no-subreaper -bundle=/b -pid-file /p c1').options).toMatchObject({
    'no-subreaper': true,
    bundle: '/b',
    'pid-file': '/p',
  })
})

test('parse() prefers a long name to the letters that it is made of', () => {
  expect(read('kill -all c1').options).toMatchObject({ all: true })
  expect(read('list -q -f json').options).toMatchObject({ quiet: true, format: 'json' })
})

test('parse() gives a letter that wants a value the rest of its word', () => {
  expect(read('list -qfjson').options).toMatchObject({ quiet: true, format: 'json' })
  expect(read('create -bdir c1').options).toMatchObject({ bundle: 'dir' })
})

test('parse() takes any word as the value of an option, as getopt does', () => {
  expect(read('create --bundle -x c1').options).toMatchObject({ bundle: '-x' })
  expect(read('create --bundle - c1').options).toMatchObject({ bundle: '-' })
})

test('parse() does not take a word after a boolean as its value', () => {
  expect(read('run -d true')).toMatchObject({ options: { detach: true }, positionals: ['true'] })
})

test('parse() takes any number of words where dots stand behind the bracket, with options between them', () => {
  expect(read('seccomp explain p --arch x32 clone 1 -f json 2')).toMatchObject({
    options: { arch: 'x32', format: 'json' },
    positionals: ['explain', 'p', 'clone', '1', '2'],
  })
})

test('parse() ends the options at --', () => {
  expect(read('kill --all -- -c1 -9')).toMatchObject({ options: { all: true }, positionals: ['-c1', '-9'] })
  expect(read('--debug -- state c1')).toMatchObject({ command: 'state', globals: { debug: true }, positionals: ['c1'] })
})

test('parse() takes global options after the command, too', () => {
  expect(read('state c1 --root /r --debug').globals).toMatchObject({ root: '/r', debug: true })
})

test('parse() tells the two options named rootless apart by their place', () => {
  const { globals, options } = read('--rootless true spec --rootless')
  expect([globals.rootless, options['rootless']]).toEqual(['true', true])
  expect(read('spec').options['rootless']).toBe(false)
})

test('parse() asks for no arguments when the line asks for help', () => {
  expect(read('create --help')).toMatchObject({ command: 'create', globals: { help: true } })
  expect(read('kill -?').globals.help).toBe(true)
  expect(read('--version')).toMatchObject({ command: undefined, globals: { version: true } })
  expect(read('-V').globals.version).toBe(true)
})

test.each([
  ['', 'no command given (see `tsrun --help`)'],
  ['--debug', 'no command given (see `tsrun --help`)'],
  ['craete c1', 'unknown command `craete`, did you mean `create`? (see `tsrun --help`)'],
  ['frobnicate', 'unknown command `frobnicate` (see `tsrun --help`)'],
  ['frobnicate -h', "No help topic for 'frobnicate' (see `tsrun --help`)"],
  ['constructor', 'unknown command `constructor` (see `tsrun --help`)'],
  ['--rot /r list', 'unknown option `--rot`, did you mean `--root`? (see `tsrun --help`)'],
  ['create --bundel x c1', 'create: unknown option `--bundel`, did you mean `--bundle`? (see `tsrun create --help`)'],
  [
    'create --console x c1',
    'create: unknown option `--console`, did you mean `--console-socket`? (see `tsrun create --help`)',
  ],
  [
    'create --detach c1',
    'create: unknown option `--detach`, it belongs to `run`, `exec`, `restore` (see `tsrun create --help`)',
  ],
  ['kill -x c1', 'kill: unknown option `-x` (see `tsrun kill --help`)'],
  ['kill -ax c1', 'kill: unknown option `-x` in `-ax` (see `tsrun kill --help`)'],
  ['create', 'create: argument ID is missing (see `tsrun create --help`)'],
  ['state a b', 'state: unexpected argument `b` (see `tsrun state --help`)'],
  ['kill a 9 c', 'kill: unexpected argument `c` (see `tsrun kill --help`)'],
  ['completion tcsh', 'completion: `tcsh` is not one of `bash`, `zsh`, `fish` (see `tsrun completion --help`)'],
  ['seccomp show p', 'seccomp: `show` is not `explain` (see `tsrun seccomp --help`)'],
  ['create c1 --bundle', 'create: option `--bundle` needs a value (see `tsrun create --help`)'],
  [
    'create --preserve-fds=two c1',
    'create: option `--preserve-fds` takes a number, not `two` (see `tsrun create --help`)',
  ],
  ['run --keep=maybe c1', 'run: option `--keep` is either `true` or `false`, not `maybe` (see `tsrun run --help`)'],
  ['--log-format=xml list', 'option `--log-format` is one of `text`, `json`, not `xml` (see `tsrun --help`)'],
])('parse() explains what is wrong with `%s`', (line, sentence) => {
  expect(mistake(line)).toBe(sentence)
})

test('parse() hands over the global options that it read before a mistake, so that it can be logged', () => {
  expect(parse(['--log', '/l', '--log-format', 'json', 'create', '--nonsense'])).toMatchObject({
    globals: { log: '/l', 'log-format': 'json' },
  })
})

test.each(['1', 't', 'T', 'TRUE', 'True', 'true'])('%s is yes, as Go programs write it', word => {
  expect(parse([`--debug=${word}`, 'list'])).toMatchObject({ globals: { debug: true } })
})

test.each(['0', 'f', 'F', 'FALSE', 'False', 'false'])('%s is no', word => {
  expect(parse(['run', `--keep=${word}`, 'c1'])).toMatchObject({ options: { keep: false } })
})

test('an empty word is the default where an option is one of some words', () => {
  const words = ['--log-format=', '--rootless', '', '--cgroup-manager=', 'list']
  expect(parse(words)).toMatchObject({
    globals: { 'log-format': 'text', rootless: 'auto', 'cgroup-manager': 'cgroupfs' },
  })
})

/** As go-runc (containerd, docker), conmon, conmon-rs, podman, CRI-O and buildah of 2026 call a runtime. */
const LINES_OF_ENGINES: readonly (readonly [string, string])[] = [
  [
    'go-runc',
    '--root /r --debug --log /l --log-format json --systemd-cgroup create --bundle /b --pid-file /p --console-socket /c --pidfd-socket /d --no-pivot --no-new-keyring --preserve-fds 1 x',
  ],
  ['go-runc', 'exec --process /f --console-socket /c --pidfd-socket /d --detach --pid-file /p --preserve-fds 2 x'],
  ['go-runc', 'run --bundle /b --detach x'],
  ['go-runc', 'delete --force x'],
  ['go-runc', 'kill --all x 9'],
  ['go-runc', 'events --stats x'],
  ['go-runc', 'events --interval=5s x'],
  ['go-runc', 'ps --format json x'],
  ['go-runc', 'ps --format table x -ef'],
  [
    'go-runc',
    'checkpoint --image-path /i --work-path /w --parent-path p --tcp-established --ext-unix-sk --shell-job --page-server 192.0.2.1:5 --file-locks --manage-cgroups-mode soft --empty-ns network --lazy-pages --leave-running --pre-dump --status-fd 3 x',
  ],
  [
    'go-runc',
    'restore --image-path /i --work-path /w --detach --pid-file /p --console-socket /c --no-pivot --bundle /b x',
  ],
  ['go-runc', 'update --resources=- x'],
  [
    'conmon',
    '--systemd-cgroup --cgroup-manager disabled --root=/r --log-format=json --log --log=/l exec --pid-file /p --process /f --detach x',
  ],
  [
    'conmon',
    '--root=/r restore --bundle /b --pid-file /p --detach --image-path /i --work-path /b --tcp-established --tcp-close --file-locks --lsm-profile a --lsm-mount-context c --console-socket /c x',
  ],
  [
    'conmon',
    '--root=/r create --bundle /b --pid-file /p --no-pivot --no-new-keyring --preserve-fds 3 --console-socket /c x',
  ],
  [
    'conmon-rs',
    '--log=journald:x --log-level=warning --root=/r --systemd-cgroup --root=/r --systemd-cgroup exec -d --console-socket=/c --tty --pid-file=/p x true',
  ],
  ['conmon-rs', '--root=/r --systemd-cgroup create --bundle /b --pid-file /p --console-socket=/c x'],
  ['podman', '--root /r update --resources /f x'],
  ['podman', 'kill --all x 9'],
  ['CRI-O', '--root /r kill -a x 15'],
  ['CRI-O', '--root /r checkpoint --file-locks --image-path /i --work-path /w --leave-running x'],
  ['CRI-O', '--root /r update --resources - x'],
  ['buildah', '--root /r create --bundle /b --pid-file /p --console-socket /c --no-new-keyring --no-pivot x'],
]

test.each(LINES_OF_ENGINES)('%s: %s', (_, line) => {
  const parsed = parse(line.split(' '))
  expect('misuse' in parsed ? parsed.misuse.message : undefined).toBeUndefined()
  expect(parsed).toMatchObject({ positionals: expect.arrayContaining(['x']) })
})
