// Attacks that have worked on container runtimes: what tsrun does about each, the test that attempts it, and a change of
// the source that takes the defence away, with which the test has to fail. docs/security.md has the table.

import { caseFile } from '../lib/cases.ts'

export interface Test {
  readonly project: 'unit' | 'e2e'
  readonly file: string
  /** A part of the name, as a regular expression. */
  readonly name: string
  /** How many times names are exchanged (EXCHANGED_ROUNDS), where more are needed than usual. */
  readonly rounds?: number
}

/** Replaces a piece of a source file, which has to be there exactly once. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface Mutation {
  readonly name: string
  readonly edits: readonly Edit[]
}

export interface Attack {
  /** CVE numbers, or the version that closed it. */
  readonly ids: readonly string[]
  readonly attack: string
  readonly defence: string
  /** Where that is. */
  readonly where: string
  readonly test: Test
  readonly mutation: Mutation
  /** Debian 12's runtime on which the attack succeeds. */
  readonly succeedsOn?: string
}

const e2e = (file: string, name: string): Test => ({ project: 'e2e', file: caseFile(file), name })

const notSealed: Mutation = {
  name: 'the executor is not sealed',
  edits: [
    {
      file: 'native/executor/launch.ts',
      from: 'const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE',
      to: 'const SEALS = 0 & F_SEAL_SEAL & F_SEAL_SHRINK & F_SEAL_GROW & F_SEAL_WRITE',
    },
  ],
}

/** Paths of the image are joined to the root's and resolved as the kernel does for everybody: links lead anywhere. */
const linksLeadOut: Mutation = {
  name: 'paths in the image are followed wherever they lead',
  edits: [
    {
      file: 'src/rootfs/containerRoot.ts',
      from: 'const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS',
      to: 'const IN_ROOT = 0 & RESOLVE_IN_ROOT & RESOLVE_NO_MAGICLINKS',
    },
    {
      file: 'src/rootfs/containerRoot.ts',
      from: 'inside.openat2(root, path, O_PATH | flags, IN_ROOT, [ENOENT]',
      to: "inside.openat2(root, './'.concat(path), O_PATH | flags, IN_ROOT, [ENOENT]",
    },
  ],
}

const procThroughLinks: Mutation = {
  name: 'proc and sysfs are mounted behind links',
  edits: [
    {
      file: 'src/rootfs/containerRoot.ts',
      from: 'realDirectory(path: string): Fd<S> {',
      to: 'realDirectory(path: string): Fd<S> {\n    if (path) return this.directory(path)',
    },
    {
      file: 'src/rootfs/containerRoot.ts',
      from: 'if (found.stat === undefined || !isSameMount(found.stat, wanted.stat!))',
      to: 'if (found.stat?.mountId === 0)',
    },
  ],
}

const procGivenAway: Mutation = {
  name: 'anything can be mounted in /proc',
  edits: [
    {
      file: 'src/plan/mounts/mounts.ts',
      from: "if (destination === '/proc' || !isWithin(destination, '/proc')) return",
      to: 'return',
    },
  ],
}

const ownProcfsOfImage: Mutation = {
  name: 'sysctls are written to what is at /proc',
  edits: [
    {
      file: 'src/setup/facilities/sysctl.ts',
      from: "  const fs = inside.fsopen('proc').take()\n  inside.fsconfigCreate(fs)\n  return inside.fsmount(fs, 0).take()",
      to: "  return inside.openat(-100, '/proc', 0o10000000).take()",
    },
    {
      file: 'src/setup/facilities/sysctl.ts',
      from: 'const resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS',
      to: 'const resolve = 0 & RESOLVE_BENEATH & RESOLVE_NO_XDEV & RESOLVE_NO_SYMLINKS',
    },
  ],
}

const nullOfImage: Mutation = {
  name: 'files are masked with what is at /dev/null of the image',
  edits: [
    {
      file: 'src/rootfs/protectedPaths.ts',
      from: 'root.open(NULL, O_NOFOLLOW)\n    : inside.openat(AT_FDCWD, NULL, O_PATH | O_NOFOLLOW).take()',
      to: 'root.open(NULL)\n    : root.open(NULL)',
    },
    {
      file: 'src/rootfs/protectedPaths.ts',
      from: 'checkNull(nullDevice)',
      to: '',
    },
  ],
}

const messageWithDescriptors: Mutation = {
  name: 'descriptors in messages to the service manager are received',
  edits: [
    {
      file: 'src/setup/facilities/notify.ts',
      from: 'decode(outside.receiveBytes(socket, MESSAGE_MAX))',
      to: "decode(outside.receiveMessage(socket, MESSAGE_MAX, '').bytes)",
    },
  ],
}

const throughNames: Mutation = {
  name: 'masked paths are looked for by name',
  edits: [
    {
      file: 'src/rootfs/containerRoot.ts',
      from: "if (mount === undefined || rest === '') return this.#look(",
      to: 'if (path) return this.#look(',
    },
  ],
}

const cgroupsByPath: Mutation = {
  name: 'cgroups are reached by their paths',
  edits: [
    {
      file: 'src/cgroup/cgroup.ts',
      from: 'if (go(next)) levels',
      to: "if (go([path, textOf(next)].join('/'))) levels",
    },
    {
      file: 'src/cgroup/cgroup.ts',
      from: "outside.openat(here, to, DIRECTORY, 0, 'any')",
      to: 'outside.openat(here, to, DIRECTORY, 0, GONE)',
    },
  ],
}

const newcomerStays: Mutation = {
  name: 'nobody kills the newcomer',
  edits: [
    {
      file: 'native/executor/warden.ts',
      from: 'args: [child, SIGKILL, null, 0]',
      to: 'args: [child, 0, null, 0]',
    },
  ],
}

/** What the list of a cgroup had is taken for what is in it. */
const listBelieved: Mutation = {
  name: 'who was in the cgroup is in it',
  edits: [
    {
      file: 'src/cgroup/cgroup.ts',
      from: 'if (still.has(pid)) act(pidfd)',
      to: 'if (still.has(pid) || pidfd.exists) act(pidfd)',
    },
  ],
}

export const attacks: readonly Attack[] = [
  {
    ids: ['CVE-2016-9962'],
    attack: 'a process of the container traces the one that joins it by `exec` and takes its descriptors of the host',
    defence: 'who joins is not dumpable until its program runs, and has closed what it has of the host',
    where: 'src/setup/enter/enter.ts',
    test: e2e('execSecurity', 'without it, can not look into one that joins it'),
    mutation: {
      name: 'who joins is dumpable',
      edits: [
        {
          file: 'native/calls/identity.ts',
          from: 'notDumpable(this: Calls): void {',
          to: 'notDumpable(this: Calls): void {\n    if (this) return',
        },
      ],
    },
  },
  {
    ids: ['CVE-2019-5736'],
    attack:
      'a privileged program keeps /proc/PID/exe of who joins the container, and writes to it: the runtime of the host',
    defence: 'what joins is 280 bytes of code in a memfd of its own, sealed against writing',
    where: 'native/executor/launch.ts',
    test: e2e('attacks', 'the executable of a runtime that joins'),
    mutation: notSealed,
  },
  {
    ids: ['CVE-2019-5736'],
    attack: 'the same of what mounts into it, and of another container that comes and goes in the same pid namespace',
    defence: 'the same: no program of the host but hooks is executed where a container sees it',
    where: 'native/executor/launch.ts',
    test: e2e('selfExe', 'nothing can be written'),
    mutation: notSealed,
  },
  {
    ids: ['CVE-2019-16884'],
    attack: 'a volume over /proc or a part of it takes what is written there: labels are not set',
    defence: 'nothing is mounted in /proc but files that callers do replace; labels go to a procfs of our own',
    where: 'src/plan/mounts/mounts.ts, src/setup/facilities/labels.ts',
    test: e2e('security', 'a /proc given by a volume is refused'),
    mutation: procGivenAway,
  },
  {
    ids: ['CVE-2019-18837'],
    attack: 'a link in the image leads mounts to places of the host',
    defence:
      'every path in the image is resolved by openat2 with RESOLVE_IN_ROOT, and the descriptor is used from then on',
    where: 'src/rootfs/containerRoot.ts',
    test: e2e('security', 'a bind target behind an absolute link leaves the host alone'),
    mutation: linksLeadOut,
  },
  {
    ids: ['CVE-2019-19921', 'CVE-2023-27561', 'CVE-2025-54867'],
    attack: '/proc of the image is a link to a directory, where a false procfs waits',
    defence: 'proc and sysfs are mounted on a real directory that is reached without links, or not at all',
    where: 'src/rootfs/containerRoot.ts',
    test: e2e('security', 'a /proc that is a link to a directory of the image is refused'),
    mutation: procThroughLinks,
  },
  {
    ids: ['CVE-2023-28642'],
    attack: '/sys or /proc of the image is a link, so that masks and labels apply to something else',
    defence: 'the same',
    where: 'src/rootfs/containerRoot.ts',
    test: e2e('security', 'a /sys that is a link to a directory of the image is refused'),
    mutation: procThroughLinks,
  },
  {
    ids: ['CVE-2021-30465'],
    attack: 'another container exchanges a directory of a shared volume for a link while a mount is made there',
    defence: 'the target is opened once, in the root, and the mount is moved onto that descriptor',
    where: 'src/rootfs/mounts.ts, src/rootfs/containerRoot.ts',
    test: e2e('security', 'directories swapped for links while mounts are made'),
    mutation: linksLeadOut,
  },
  {
    ids: ['CVE-2021-43784'],
    attack:
      'something so long that its length wraps around changes the message to the process that sets up the container',
    defence:
      'the message has no lengths: arguments lie in shared memory with 32-bit addresses, and what does not fit is refused',
    where: 'native/kernels/marshal.ts',
    test: e2e('attacks', 'an argument of 65576 bytes arrives whole'),
    mutation: {
      name: 'lengths of strings have 16 bits',
      edits: [
        {
          file: 'native/kernels/marshal.ts',
          from: 'string(text: string): number {',
          to: 'string(whole: string): number {\n    const text = whole.slice(0, whole.length & 0xffff)',
        },
      ],
    },
  },
  {
    ids: ['CVE-2022-29162', 'CVE-2022-27650', 'CVE-2025-27612'],
    attack: 'inheritable capabilities that nobody asked for come back with a program that has file capabilities',
    defence: 'the inheritable and ambient sets are what the configuration says, and `exec --cap` adds to neither',
    where: 'src/plan/process/execProcess.ts, src/plan/process/capabilities.ts',
    test: e2e('attacks', 'capabilities that the caller can hand on'),
    mutation: {
      name: '`exec --cap` adds to the inheritable set',
      edits: [
        {
          file: 'src/plan/process/execProcess.ts',
          from: "= ['bounding', 'permitted', 'effective']",
          to: "= ['bounding', 'permitted', 'effective', 'inheritable']",
        },
      ],
    },
  },
  {
    ids: ['CVE-2023-25809'],
    attack:
      'without privileges and a cgroup namespace, /sys/fs/cgroup of the container is the tree of the host, writable',
    defence: 'that tree is read-only, whatever the mount asks for',
    where: 'src/plan/mounts/mounts.ts',
    test: e2e('attacks', 'in a user namespace without a cgroup namespace'),
    mutation: {
      name: 'the tree of the host is as writable as asked for',
      edits: [
        {
          file: 'src/plan/mounts/mounts.ts',
          from: 'recursiveAttributes: { set: set | MOUNT_ATTR_RDONLY, clear: 0 }',
          to: 'recursiveAttributes: { set, clear: 0 }',
        },
      ],
    },
  },
  {
    ids: ['CVE-2024-21626'],
    attack: 'a working directory of /proc/self/fd/N is a directory of the host that the runtime has open',
    defence:
      'everything is close-on-exec or closed, and the working directory is resolved in the root without magic links',
    where: 'src/setup/process/prepareProcess.ts, src/setup/closeAllBut.ts',
    test: e2e('security', 'a cwd of /proc/self/fd/\\d+ does not lead to the host'),
    mutation: {
      name: 'the working directory is any path',
      edits: [
        {
          file: 'src/setup/process/prepareProcess.ts',
          from: 'inside.fchdir(root.workingDirectory(cwd))',
          to: 'inside.chdir(cwd)',
        },
      ],
    },
    succeedsOn: 'runc 1.1.5',
  },
  {
    ids: ['CVE-2024-21626'],
    attack: 'the same by `exec --cwd`',
    defence: 'the same',
    where: 'src/setup/enter/enterProcess.ts',
    test: e2e('execSecurity', 'a working directory that is a descriptor of the runtime is refused'),
    mutation: {
      name: 'the working directory of exec is any path',
      edits: [
        {
          file: 'src/setup/enter/enterProcess.ts',
          from: 'inside.fchdir(openWorkingDirectory(root, process.cwd))',
          to: 'inside.chdir(process.cwd)',
        },
      ],
    },
  },
  {
    ids: ['CVE-2024-45310'],
    attack: 'directories that are made for a mount or a working directory are made on the host, behind a link',
    defence: 'directories are made one by one, each by the descriptor of the one above in the root',
    where: 'src/rootfs/containerRoot.ts',
    test: e2e('security', 'a bind target behind a link that climbs leaves the host alone'),
    mutation: linksLeadOut,
  },
  {
    ids: ['CVE-2025-31133', 'CVE-2025-62161'],
    attack: '/dev/null of the image is a link: a masked path becomes any file of its choice',
    defence:
      'the null device that was made, else that of the host, is opened once, checked, and laid over by descriptor',
    where: 'src/rootfs/protectedPaths.ts',
    test: e2e('attacks', 'a masked file does not become'),
    mutation: nullOfImage,
    succeedsOn: 'runc 1.1.5',
  },
  {
    ids: ['CVE-2025-52565'],
    attack: '/dev/pts/N of the image is a link: /dev/console becomes any file of its choice',
    defence:
      'the directory has to be a devpts, the terminal comes from its master by TIOCGPTPEER, and is bound by descriptor',
    where: 'src/streams/terminal.ts',
    test: e2e('attacks', 'a terminal whose path is a link'),
    mutation: {
      name: 'the console is what lies at /dev/pts/0',
      edits: [
        {
          file: 'src/streams/terminal.ts',
          from: "inside.openat2(openDevpts(root), 'ptmx', flags, resolve, undefined, masterHints)",
          to: "(void openDevpts, void resolve, inside.openat2(root.fd, 'dev/ptmx', flags, 16, undefined, masterHints))",
        },
        {
          file: 'src/streams/terminal.ts',
          from: "inside.openTree(peer, '', false)",
          to: "(void peer, inside.openTree(root.open('/dev/pts/0'), '', false))",
        },
      ],
    },
  },
  {
    ids: ['CVE-2025-52881', 'CVE-2025-62596'],
    attack:
      'somebody mounts over files of /proc while the container is set up, so sysctls and labels are written elsewhere',
    defence: 'they are written to a procfs of our own, which is attached nowhere, without crossing a mount',
    where: 'src/setup/facilities/sysctl.ts, src/setup/facilities/labels.ts',
    test: e2e('attacks', 'a sysctl reaches the kernel'),
    mutation: ownProcfsOfImage,
    succeedsOn: 'runc 1.1.5',
  },
  {
    ids: ['CVE-2019-16884', 'CVE-2025-52881'],
    attack: 'the same for labels of AppArmor and SELinux: the program runs without',
    defence:
      'they are written by descriptors from a procfs of our own, or of one that was looked at, and over no mount in it',
    where: 'src/setup/facilities/labels.ts, src/rootfs/procfs.ts',
    test: { project: 'unit', file: 'src/setup/facilities/labels.test.ts', name: 'labels are written in a procfs' },
    mutation: {
      name: 'labels are written over whatever is mounted in a procfs',
      edits: [
        {
          file: 'src/setup/facilities/labels.ts',
          from: 'const attributeWalk = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS',
          to: 'const attributeWalk = RESOLVE_BENEATH | (0 & RESOLVE_NO_XDEV) | RESOLVE_NO_MAGICLINKS',
        },
      ],
    },
  },
  {
    ids: ['CVE-2025-24965'],
    attack: 'a file that the runtime makes in the root file system is a link of the image: it is written on the host',
    defence:
      'no configuration of a handler is written, and nodes and files are made by the descriptor of their directory',
    where: 'src/rootfs/containerRoot.ts, src/rootfs/devices.ts',
    test: e2e('security', 'a device below an absolute link is not made on the host'),
    mutation: linksLeadOut,
  },
  {
    ids: ['CVE-2026-30892'],
    attack: '`exec --user` with something that is no number runs the program as root',
    defence: 'all of the text has to be a number of the range',
    where: 'src/cli/commands/exec.ts',
    test: e2e('attacks', 'exec as the user `foo` runs nothing'),
    mutation: {
      name: 'what begins with no digit is 0',
      edits: [
        {
          file: 'src/cli/commands/exec.ts',
          from: '/^(\\+?\\d{1,10}|-0)$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY',
          to: 'Number.parseInt(text, 10) || 0',
        },
      ],
    },
  },
  {
    ids: ['CVE-2026-41579', 'CVE-2026-47766'],
    attack: '/dev of the image is a link: nodes and links are made on the host',
    defence: 'each node is made by the descriptor of its directory in the root, and looked at afterwards',
    where: 'src/rootfs/devices.ts',
    test: e2e('security', 'a /dev that is an absolute link gets no nodes on the host'),
    mutation: linksLeadOut,
    succeedsOn: 'runc 1.1.5',
  },
  {
    ids: ['crun 1.28'],
    attack: 'an id of `..` is the directory above that of all containers',
    defence: 'an id has letters, digits and `_+.-`, and begins with no dot',
    where: 'src/config/id.ts',
    test: e2e('attacks', 'an id that begins with a dot'),
    mutation: {
      name: 'an id may begin with a dot',
      edits: [{ file: 'src/config/id.ts', from: "id.startsWith('.')", to: "id.startsWith('. ')" }],
    },
    succeedsOn: 'crun 1.8.1',
  },
  {
    ids: ['crun 1.28'],
    attack: '`..` in the annotation for a delegated cgroup makes one outside of the container’s',
    defence: 'it is a name, not a path',
    where: 'src/plan/systemd/scope.ts',
    test: { project: 'unit', file: 'src/plan/systemd/scope.test.ts', name: 'delegate-cgroup' },
    mutation: {
      name: 'the annotation is a path',
      edits: [
        {
          file: 'src/plan/systemd/scope.ts',
          from: "if (name.includes('/') || name === '.' || name === '..')",
          to: "if (name === ' ')",
        },
      ],
    },
  },
  {
    ids: ['crun 1.29'],
    attack: '`exec --cgroup` with `..` puts the program outside of the container’s cgroup',
    defence: 'the path is resolved by openat2 with RESOLVE_BENEATH from the container’s cgroup',
    where: 'src/cgroup/execCgroup.ts',
    test: e2e('exec', 'is a cgroup below that of the container'),
    mutation: {
      name: 'the path may lead out',
      edits: [
        {
          file: 'src/cgroup/execCgroup.ts',
          from: 'const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV',
          to: 'const BENEATH = 0 & RESOLVE_BENEATH & RESOLVE_NO_SYMLINKS & RESOLVE_NO_XDEV',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a program sends descriptors to the socket of sd_notify: the runtime has them all, until it has no room',
    defence: 'messages are received without room for descriptors, so the kernel drops them',
    where: 'src/setup/facilities/notify.ts',
    test: e2e('notify', 'descriptors that a program sends along'),
    mutation: messageWithDescriptors,
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a program lets others speak to the service manager in its place (NOTIFYACCESS), or names pids of the host',
    defence: 'what is passed on is a list of what a program may say of itself',
    where: 'src/setup/facilities/notify.ts',
    test: e2e('notify', 'run does not pass on who else may speak'),
    mutation: {
      name: 'all is passed on but pids',
      edits: [
        {
          file: 'src/setup/facilities/notify.ts',
          from: "return PASSED_ON.includes(line.split('=')[0]!)",
          to: "return PASSED_ON.length > 0 && line !== '' && !line.startsWith('MAINPID')",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'who shares the root file system exchanges /run, so that the socket of sd_notify is made in a host directory',
    defence: 'the directory is resolved in the root without magic links, and the socket bound in it by its name alone',
    where: 'src/setup/facilities/notify.ts',
    test: e2e('notify', 'the socket is not made where'),
    mutation: {
      name: 'the socket of sd_notify is bound by its path',
      edits: [
        {
          file: 'src/setup/facilities/notify.ts',
          from: 'inside.bindTo(socket, name)',
          to: "inside.bindTo(socket, directory.concat('/', name))",
        },
        {
          file: 'src/setup/facilities/notify.ts',
          from: 'inside.fchdir(root.open(directory, O_DIRECTORY))',
          to: "inside.fchdir(root.open('/', O_DIRECTORY))",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a program floods a service manager that reads slowly: `run` waits for that, and passes on no signal',
    defence: 'nothing waits for the manager: as long as it has no room, it is the program that is not read',
    where: 'src/setup/facilities/notify.ts',
    test: e2e('notify', 'a service manager that reads nothing does not keep signals'),
    mutation: {
      name: 'messages to the service manager are waited for',
      edits: [
        {
          file: 'src/setup/facilities/notify.ts',
          from: 'if (!outside.sendAtOnce(manager, ',
          to: 'if (outside.sendBytes(manager, ',
        },
        {
          file: 'src/setup/facilities/notify.ts',
          from: ')) this.#held = { lines, manager }',
          to: ') as unknown) this.#held = { lines, manager }',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'any user makes a keyring with the name of the session keyring of a container to come, and reads what that puts there',
    defence: 'the name ends in 16 random bytes, and is shown to nobody else',
    where: 'src/setup/facilities/keyring.ts',
    test: e2e('keyring', 'who guesses its name gets nothing that is put there'),
    mutation: {
      name: 'the name can be guessed',
      edits: [
        {
          file: 'src/setup/facilities/keyring.ts',
          from: "['_ses', id, secret.join('')]",
          to: "['_ses', id, secret.join('')].slice(0, 2)",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'somebody renames files of his own without a pause, and images with `..` in links fail to start, or lose masks',
    defence: 'an openat2 that was disturbed is made again, whatever errors its caller tolerates',
    where: 'native/kernels/again.ts, native/executor/x86_64.ts, native/executor/aarch64.ts',
    test: e2e('renames', 'beside renames at full speed every container is created and run'),
    mutation: {
      name: 'what was disturbed is a failure',
      edits: [
        {
          file: 'native/kernels/again.ts',
          from: 'return result === -EAGAIN && DISTURBED.has(name)',
          to: "return result === -EAGAIN && DISTURBED.has('') && name === ''",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'another container exchanges a device in a shared volume for a link: a file of the host gets the mode of the device',
    defence: 'the node is opened without following links, looked at, and changed by that descriptor',
    where: 'src/rootfs/devices.ts, src/rootfs/procfs.ts',
    test: e2e('names', 'a device that is exchanged for a link gives its mode and owner'),
    mutation: {
      name: 'the mode is set by name',
      edits: [
        {
          file: 'src/rootfs/devices.ts',
          from: 'if (!hasMode(stat, step)) changeMode(inside, node, step.mode)',
          to: 'inside.fchmodat(parent, name, step.mode)',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack: 'who shares the root file system renames /proc while a container is made: its /proc/sys is writable',
    defence: 'masked and read-only paths are looked for from the descriptor of the mount that has them',
    where: 'src/rootfs/containerRoot.ts, src/rootfs/protectedPaths.ts',
    test: e2e('names', '/proc of a shared root file system is renamed'),
    mutation: throughNames,
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack: 'who shares the root file system renames the mount point of a volume: what is masked in there can be read',
    defence: 'the same',
    where: 'src/rootfs/containerRoot.ts, src/rootfs/protectedPaths.ts',
    test: e2e('names', 'the mount point of a volume is renamed'),
    mutation: throughNames,
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack: 'the same, so that the container gets a directory of the image for its /proc',
    defence: 'at the end the mounts at /proc and /sys have to be those that were made',
    where: 'src/rootfs/containerRoot.ts',
    test: e2e('names', 'a hook that mounts over /proc is told so'),
    mutation: {
      name: 'nobody looks at the end',
      edits: [
        {
          file: 'src/rootfs/containerRoot.ts',
          from: 'if (found.stat === undefined || !isSameMount(found.stat, wanted.stat!))',
          to: 'if (found.stat?.mountId === 0)',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'who owns the directory above the root exchanges that for a link to the directory of hooks: his file runs as a hook',
    defence:
      'the place is opened once, compared with the root that was opened before, and mounted on by its descriptor',
    where: 'src/rootfs/rootfs.ts',
    test: e2e('names', 'a root path that is exchanged for a link to the directory of the hooks'),
    mutation: {
      name: 'the root may be mounted elsewhere than at its path',
      edits: [
        {
          file: 'src/rootfs/rootfs.ts',
          from: 'if (!isSameFile(found.stat!, stat))',
          to: 'if (!isSameFile(found.stat!, stat) && found.stat === undefined)',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'what `tmpcopyup` copies is exchanged for a link to a directory of the host, or for a fifo that is waited for',
    defence: 'each entry is opened once, without following links, and all comes from that descriptor',
    where: 'src/rootfs/copyUp.ts',
    test: e2e('names', 'what is copied into a tmpfs is exchanged for a link'),
    mutation: {
      name: 'links are followed when they are copied',
      edits: [
        {
          file: 'src/rootfs/copyUp.ts',
          from: 'O_PATH | O_NOFOLLOW, 0, [ENOENT]',
          to: 'O_PATH | (O_NOFOLLOW & 0), 0, [ENOENT]',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28'],
    attack: 'a link of the image leads a mount into /proc, where programs look for the truth',
    defence: 'what is reached through a link has to be no procfs',
    where: 'src/rootfs/containerRoot.ts',
    test: e2e('mounts', 'a link of the image does not lead a mount into /proc'),
    mutation: {
      name: 'links may lead into a procfs',
      edits: [
        {
          file: 'src/rootfs/containerRoot.ts',
          from: "if (!isWithin(path, '/proc') && inside",
          to: "if (path === '' && isWithin(path, '/proc') && inside",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: '/etc/passwd of a container is a fifo or a device, and `exec` reads it for HOME: it never ends',
    defence: 'a look comes before the open: only a regular file is read, and none is waited for',
    where: 'src/setup/process/homeDirectory.ts',
    test: e2e('files', 'exec does not read an /etc/passwd of the container without an end'),
    mutation: {
      name: 'what is at /etc/passwd is opened whatever it is',
      edits: [
        { file: 'src/setup/process/homeDirectory.ts', from: 'if (!isFile(seen) || seen.size === 0)', to: 'if (!seen)' },
        { file: 'src/setup/process/homeDirectory.ts', from: 'O_RDONLY | O_NONBLOCK | O_NOCTTY', to: 'O_RDONLY' },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'the same with a file of 4 GiB: the memory is taken outside of the container’s cgroup',
    defence: 'not more than 1 MiB is read; then the error says so',
    where: 'src/setup/process/homeDirectory.ts',
    test: e2e('files', 'exec does not read an /etc/passwd of the container without an end'),
    mutation: {
      name: 'all of /etc/passwd is read',
      edits: [{ file: 'src/setup/process/homeDirectory.ts', from: 'const MOST = 1 << 20', to: 'const MOST = 2 ** 40' }],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'in another’s directory the name under which a pid file is written is a link to a file of root’s',
    defence: 'the name is random, and nothing may be there',
    where: 'src/streams/pidFile.ts, native/calls/file.ts',
    test: e2e('files', 'a pid file is written under no name that somebody can foresee'),
    mutation: {
      name: 'the new pid file has a name to foresee, and is opened whatever it is',
      edits: [
        {
          file: 'src/streams/pidFile.ts',
          from: "['', name.slice(0, 200), randomName(outside)].join('.')",
          to: "name.concat('.tmp')",
        },
        { file: 'native/calls/file.ts', from: 'O_WRONLY | O_CREAT | O_EXCL', to: 'O_WRONLY | O_CREAT | (0 & O_EXCL)' },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a pid file takes the place of a device, a fifo or a link',
    defence: 'only a regular file is replaced, which is found out before anything is made',
    where: 'src/streams/pidFile.ts',
    test: e2e('files', 'a pid file takes the place of a file only, and follows nothing'),
    mutation: {
      name: 'a pid file replaces anything',
      edits: [
        {
          file: 'src/streams/pidFile.ts',
          from: 'if (stat === undefined || isRegular(stat.mode)) return',
          to: 'if (!stat?.mode || isRegular(stat.mode) || stat) return',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: '`--log` or `--trace` in another’s directory is a link to a file of root’s: it is appended to, or emptied',
    defence: 'only links of root’s and of our own are followed, one at a time; a second name is refused there',
    where: 'src/host/callersFiles.ts, src/host/parentDirectory.ts',
    test: e2e('files', "a log or trace in another's directory follows no link of his"),
    mutation: {
      name: 'everybody’s links are followed',
      edits: [
        {
          file: 'src/host/parentDirectory.ts',
          from: 'return uid === 0 || uid === outside.effectiveIds().uid',
          to: 'return uid >= 0 || uid === outside.effectiveIds().uid',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a config.json, process or resources file of another’s is a fifo or a link to /dev/zero: the command hangs',
    defence: 'a look comes before the open: only a regular file is read, or a descriptor that the caller has opened',
    where: 'src/host/callersFiles.ts',
    test: e2e('files', 'what is read at a path of the caller is a regular file, and no wait'),
    mutation: {
      name: 'inputs are read whatever they are',
      edits: [
        {
          file: 'src/host/callersFiles.ts',
          from: 'if (!isRegular(mode)) throw new ConfigError(',
          to: 'if (mode < 0) throw new ConfigError(',
        },
        { file: 'src/host/callersFiles.ts', from: 'O_RDONLY | O_NONBLOCK | O_CLOEXEC', to: 'O_RDONLY | O_CLOEXEC' },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: '`--root` of another’s has a link instead of a container’s directory: delete removes files elsewhere',
    defence: 'a container’s directory is never a link, and what is in it is removed by its descriptor',
    where: 'src/state/store.ts',
    test: e2e('files', 'delete --force in a root of somebody else follows no link'),
    mutation: {
      name: 'a link is followed to a container’s directory',
      edits: [
        {
          file: 'src/state/store.ts',
          from: 'openDirectory(outside, path, O_RDONLY | O_NOFOLLOW, [ENOENT',
          to: 'outside.openat(AT_FDCWD, path, O_RDONLY, 0, [ENOENT',
        },
        {
          file: 'src/state/store.ts',
          from: 'O_PATH | O_DIRECTORY | O_NOFOLLOW',
          to: 'O_PATH | O_DIRECTORY | (0 & O_NOFOLLOW)',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'the environment that sudo keeps has Node.js load code into the runtime (OPENSSL_CONF, NODE_PATH), or write files',
    defence: 'what is for other programs of Node.js is taken out before it starts; the static binary reads none of it',
    where: 'src/entry/install.ts',
    test: e2e('environment', 'no variable has the runtime load code'),
    mutation: {
      name: 'Node.js has the environment of the caller',
      edits: [
        {
          file: 'src/entry/install.ts',
          from: 'unset NODE_OPTIONS NODE_PATH OPENSSL_CONF ',
          to: 'unset NODE_PATH ',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'in a directory of somebody else, with a relative or an empty part in PATH, his criu or newuidmap is executed',
    defence: 'programs of the host are looked for in the absolute directories of PATH only',
    where: 'src/host/programs.ts',
    test: e2e('environment', 'no program of the current directory is executed'),
    mutation: {
      name: 'programs are looked for wherever PATH says',
      edits: [
        {
          file: 'src/host/programs.ts',
          from: '.filter(isAbsolute)',
          to: ".map(path => (isAbsolute(path) ? path : path || '.'))",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a program changes mode, owner or times of a masked file, and with it those of the null device of the host',
    defence: "what lies over masked files is the container's own null device, read-only",
    where: 'src/rootfs/protectedPaths.ts, src/rootfs/deviceNodes.ts',
    test: e2e('hostObjects', 'the null device over masked files'),
    mutation: {
      name: 'files are masked with the null device of the host, writable',
      edits: [
        {
          file: 'src/rootfs/protectedPaths.ts',
          from: 'root.open(NULL, O_NOFOLLOW)',
          to: 'inside.openat(AT_FDCWD, NULL, O_PATH | O_NOFOLLOW).take()',
        },
        {
          file: 'src/rootfs/protectedPaths.ts',
          from: 'set: DEVICE_ATTRIBUTES,',
          to: 'set: 0 & DEVICE_ATTRIBUTES,',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'the root of a user namespace with ids of the host changes or locks default devices, which are of the host',
    defence: 'they are nodes of a file system of its own',
    where: 'src/rootfs/deviceNodes.ts',
    test: e2e('hostObjects', 'default devices, in a user namespace'),
    mutation: {
      name: 'default devices are bound from the host',
      edits: [
        {
          file: 'src/rootfs/deviceNodes.ts',
          from: 'if (steps.length === 0) return { mounts }',
          to: 'if (steps.length >= 0) return { mounts }',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'the same with a device of `linux.devices`, which is bound in a user namespace',
    defence: 'it is a node of its own, too; where none can be made, the mount of that of the host is read-only',
    where: 'src/rootfs/deviceNodes.ts, src/rootfs/sources.ts',
    test: e2e('hostObjects', 'a listed device in a user namespace'),
    mutation: {
      name: 'devices are bound from the host, writable',
      edits: [
        {
          file: 'src/rootfs/deviceNodes.ts',
          from: 'if (steps.length === 0) return { mounts }',
          to: 'if (steps.length >= 0) return { mounts }',
        },
        {
          file: 'src/rootfs/sources.ts',
          from: 'kernel.mountSetattr(tree, false, { set: DEVICE_ATTRIBUTES })',
          to: 'kernel.mountSetattr(tree, false, { set: 0 & DEVICE_ATTRIBUTES })',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'with CAP_SYS_PTRACE a program stops what joins by `exec`, and climbs from its descriptor of the cgroup into that tree of the host',
    defence: 'the descriptor is a mount of just that cgroup, attached nowhere and read-only',
    where: 'src/cgroup/execCgroup.ts, src/setup/enter/enter.ts',
    test: e2e('execSecurity', 'what exec has when it joins leads nowhere'),
    mutation: {
      name: 'exec brings the directory of the cgroup along',
      edits: [
        {
          file: 'src/cgroup/execCgroup.ts',
          from: 'if (!privileged) return',
          to: 'if (!privileged || record) return',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'with CAP_SYS_PTRACE a program stops what comes in by `mounts`, and climbs from its descriptor of /proc to the root of the host',
    defence: 'what it unmounts through is a procfs of the container’s pid namespace, made by who has joined it',
    where: 'src/setup/enter/visit.ts, src/setup/enter/enter.ts',
    test: e2e('execSecurity', 'what `mounts` brings along leads nowhere'),
    mutation: {
      name: '`mounts` brings the procfs of the host along',
      edits: [
        {
          file: 'src/setup/enter/visit.ts',
          from: 'using hostProcfs = needsHostProcfs(runtime, namespaces)',
          to: 'using hostProcfs = needsHostProcfs(runtime, namespaces) || namespaces',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'who owns the directory of a checkpoint has links there with the names of images: files of root are overwritten',
    defence: 'CRIU writes to a directory in it that is ours alone, and its files come out by rename',
    where: 'src/criu/outputDirectory.ts',
    test: e2e('files', 'a checkpoint in a directory of somebody else writes to nothing of root'),
    mutation: {
      name: 'CRIU writes where it is told to',
      edits: [
        {
          file: 'src/criu/outputDirectory.ts',
          from: 'if (fd.exists && isOpenToOthers(outside, fd))',
          to: 'if (!fd.exists && isOpenToOthers(outside, fd))',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'a program stops all who come into its pid namespace: `exec` waits, and when it is killed, leaves one of its own',
    defence: 'a warden outside of that namespace kills the newcomer by pidfd when the runtime is gone',
    where: 'native/executor/warden.ts',
    test: e2e('waits', 'into a container that stops everybody'),
    mutation: newcomerStays,
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'the same when a container is created in its pid namespace: who mounts procfs there stays, stopped, with all rights',
    defence: 'the same warden',
    where: 'native/executor/warden.ts, src/rootfs/joinedFilesystems.ts',
    test: e2e('joinedSecurity', 'create in the pid namespace of a container that stops everybody'),
    mutation: newcomerStays,
  },
  {
    ids: ['fanotify(7)'],
    attack:
      'a container answers no permission events of fanotify about its files: who comes in by `exec` waits, and stays',
    defence: 'the same warden; SIGKILL ends that wait',
    where: 'native/executor/warden.ts',
    test: e2e('obstacles', 'a container that answers no permission events of fanotify'),
    mutation: newcomerStays,
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'a container stops the first process of one that joins its pid namespace with a user namespace, and has its descriptors of the host',
    defence: 'who is born where others are is not dumpable from birth on',
    where: 'src/setup/namespaces.ts',
    test: e2e('joinedSecurity', 'a container with all rights but CAP_SYS_PTRACE finds nothing'),
    mutation: {
      name: 'a first process is dumpable at first',
      edits: [
        {
          file: 'src/setup/namespaces.ts',
          from: 'if (isSeen) executor.kernel.notDumpable()',
          to: 'if (isSeen) executor.kernel.flush()',
        },
      ],
    },
  },
  {
    ids: ['as runc and crun do'],
    attack: 'a program opens a standard stream, a file of the host that it was given for reading, for writing',
    defence: "what is open for reading only, and devices, do not become its user's",
    where: 'src/streams/streams.ts',
    test: e2e('streams', 'a file that is given for reading can not be written by the program'),
    mutation: {
      name: "every stream becomes the user's",
      edits: [{ file: 'src/streams/streams.ts', from: 'links === 0 || ', to: 'links >= 0 || ' }],
    },
  },
  {
    ids: ['as runc and crun do'],
    attack: 'a link of the image in the path of a source below the root leads to the host',
    defence: 'such a source is found as every path in the container is',
    where: 'src/plan/mounts/mounts.ts, src/rootfs/sources.ts',
    test: e2e('mountSources', 'a link of the image in the path of a source does not lead out of it'),
    mutation: {
      name: "every source is the host's",
      edits: [
        {
          file: 'src/plan/mounts/mounts.ts',
          from: "rootfs === '/' || !isWithin",
          to: "rootfs !== '' || !isWithin",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a container with a writable cgroup makes others below it, whose names are no text: it can not be deleted',
    defence: 'names that the kernel gives are bytes, and go back to it as they came',
    where: 'src/cgroup/cgroup.ts, native/calls/file.ts',
    test: e2e('cgroupAttacks', 'names that are no text'),
    mutation: {
      name: 'names of cgroups are text',
      edits: [
        {
          file: 'src/cgroup/cgroup.ts',
          from: "outside.openat(here, to, DIRECTORY, 0, 'any')",
          to: "outside.openat(here, typeof to === 'string' ? to : textOf(to), DIRECTORY, 0, 'any')",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'the same with more levels than a path can have, and a process in the last',
    defence: 'the walk goes from one to the next by descriptors, of which it has two',
    where: 'src/cgroup/cgroup.ts',
    test: e2e('cgroupAttacks', 'more levels than a path can have'),
    mutation: cgroupsByPath,
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'anybody who may make cgroups makes them that deep: `gc` fails for the whole host',
    defence: 'the same; what no path reaches is none of ours',
    where: 'src/cgroup/cgroup.ts',
    test: e2e('cgroupAttacks', 'a deep one of somebody else is no matter for gc'),
    mutation: cgroupsByPath,
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'a write to cgroup.kill of the container’s cgroup, or of the one tsrun is in: run and exec die from then on',
    defence: 'a process that the kernel has killed before its first call is born once more, outside, and moves',
    where: 'src/setup/spawn.ts, src/setup/underKeeper.ts, src/container/exec.ts',
    test: e2e('cgroupAttacks', 'cgroup.kill was written'),
    mutation: {
      name: 'a process that was killed at its birth is not known',
      edits: [{ file: 'src/setup/spawn.ts', from: "return 'ZXx'.includes(", to: "return ''.includes(" }],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'a cgroup of an id whose clean-up was too slow stays, and no container of that id can be created any more',
    defence: 'one that is marked as that of the same id in the same place, where there is no container, is removed',
    where: 'src/cgroup/cgroup.ts, src/cgroup/mark.ts',
    test: e2e('cgroupAttacks', 'does not keep the next one of its id from being created'),
    mutation: {
      name: 'cgroups that were left behind stay',
      edits: [
        {
          file: 'src/cgroup/cgroup.ts',
          from: 'if (mark === undefined) return false',
          to: 'if (mark !== null) return false',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'state.json names a process of the host, with its start time: it is killed',
    defence: 'it has to be in the container’s cgroup, too',
    where: 'src/setup/belongings.ts',
    test: e2e('cgroupAttacks', 'is left alone'),
    mutation: {
      name: 'a process may be in any cgroup',
      edits: [
        {
          file: 'src/setup/belongings.ts',
          from: 'if (why !== undefined) throw new StateError(',
          to: "if (why === '') throw new StateError(",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'the same, and `exec` runs a program in its namespaces: those of the host',
    defence: 'the same, for exec, `mounts` and checkpoint',
    where: 'src/setup/enter/prepareExec.ts, src/setup/enter/visit.ts, src/criu/checkpoint.ts',
    test: e2e('cgroupAttacks', 'is not entered'),
    mutation: {
      name: 'exec enters the process that a state names',
      edits: [
        {
          file: 'src/setup/enter/prepareExec.ts',
          from: 'requireOwnProcess(runtime, container, record.pid)',
          to: 'requireOwnProcess',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'state.json names a cgroup of others: all in it is stopped or killed, and it is removed',
    defence:
      'it has to be a cgroup with the id that ours had, which is never used again, or to have the container’s mark',
    where: 'src/setup/belongings.ts, src/cgroup/mark.ts',
    test: e2e('cgroupAttacks', 'is left alone'),
    mutation: {
      name: 'any cgroup is the container’s',
      edits: [
        {
          file: 'src/setup/belongings.ts',
          from: 'if (cgroup === undefined) return {}',
          to: 'if (cgroup !== null) return { cgroup }',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'state.json names directories of the host as groups of resctrl: they are removed',
    defence: 'a group has to be in resctrl, and to have the container’s id for a name',
    where: 'src/setup/belongings.ts',
    test: e2e('cgroupAttacks', 'directories that are no cgroup and no group of resctrl'),
    mutation: {
      name: 'any directory is a group of resctrl',
      edits: [
        {
          file: 'src/setup/belongings.ts',
          from: "if (path.slice(path.lastIndexOf('/') + 1) !== id) return false",
          to: 'if (id) return true',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'state.json names the first process of the host, or all, by numbers below 2',
    defence: 'a record with them is damaged, and they are not told to anybody',
    where: 'src/state/readRecord.ts',
    test: {
      project: 'unit',
      file: 'src/state/readRecord.test.ts',
      name: 'is damage, and the other fields are still told',
    },
    mutation: {
      name: 'a first process may have any number',
      edits: [
        { file: 'src/state/readRecord.ts', from: 'isInteger(2, LAST_PID)', to: 'isInteger(-LAST_PID, LAST_PID)' },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'state.json is a fifo, a link to a device, or of another form: `list` and all else end or hang, for all containers',
    defence: 'only a regular file of 16 MiB at most is read, each field is checked, and `list` goes on',
    where: 'src/state/store.ts, src/state/readRecord.ts',
    test: e2e('errors', 'a sentence, and the others are listed'),
    mutation: {
      name: 'state.json may be any JSON',
      edits: [{ file: 'src/state/readRecord.ts', from: 'if (!isTable(found))', to: 'if (found === undefined)' }],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'state.json is a link to a file of root’s, or to a device: that is read in its place',
    defence: 'it is opened without following links (O_NOFOLLOW)',
    where: 'src/state/store.ts',
    test: e2e('files', 'a state.json or config.json that is a fifo or without an end holds up nobody'),
    mutation: {
      name: 'a link is followed to state.json',
      edits: [
        {
          file: 'src/state/store.ts',
          from: 'STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK',
          to: 'STATE_FILE, O_RDONLY | O_NONBLOCK',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'state.json is a fifo that nobody writes to: every command waits for ever',
    defence: 'it is opened without waiting (O_NONBLOCK)',
    where: 'src/state/store.ts',
    test: e2e('files', 'a state.json or config.json that is a fifo or without an end holds up nobody'),
    mutation: {
      name: 'a fifo is waited for as state.json',
      edits: [
        {
          file: 'src/state/store.ts',
          from: 'STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK',
          to: 'STATE_FILE, O_RDONLY | O_NOFOLLOW',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'state.json says nothing any more: `delete --force` takes the directory and leaves the processes, which nobody finds',
    defence: 'each cgroup that tsrun makes has a mark of whose it is',
    where: 'src/setup/belongings.ts, src/cgroup/mark.ts',
    test: e2e('cgroupAttacks', 'delete --force takes what is marked as the container’s'),
    mutation: {
      name: 'marks are not looked for',
      edits: [
        {
          file: 'src/setup/belongings.ts',
          from: 'readable ? [] : markedCgroups(runtime, container)',
          to: 'readable ? [] : []',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'who owns `--root` writes a state of his own: root’s kill and delete end any process and run his hooks, exec enters',
    defence: 'a container’s directory that others can write to is not believed',
    where: 'src/state/store.ts, src/host/callersFiles.ts',
    test: e2e('files', 'a container in a directory that somebody else can write to is not believed'),
    mutation: {
      name: 'every state is believed',
      edits: [
        {
          file: 'src/state/store.ts',
          from: 'if (isOpenToOthers(outside, directory))',
          to: 'if (isOpenToOthers(outside, directory) && false)',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'root of a container whose standard input is /dev/null changes mode and times of that of the host by fchmod(0)',
    defence: 'a stream that is the null device becomes the container’s own, or a new one',
    where: 'src/streams/nullStreams.ts',
    test: e2e('hostObjects', 'a standard stream that is the null device'),
    mutation: {
      name: 'streams stay what they are',
      edits: [
        {
          file: 'src/streams/nullStreams.ts',
          from: 'if (streams.length === 0) return',
          to: 'if (streams.length >= 0) return',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28'],
    attack: 'the same by exec, where the container has put something else at its /dev/null',
    defence: 'what is there is opened once and looked at; a new null device is made where it is another file',
    where: 'src/streams/nullStreams.ts',
    test: e2e('hostObjects', 'nor in exec'),
    mutation: {
      name: 'what is at /dev/null of the container is the null device',
      edits: [
        {
          file: 'src/streams/nullStreams.ts',
          from: 'const device = isNull(opened.stat) ? own : newNull(inside)',
          to: 'const device = own.exists ? own : newNull(inside)\n    if (!own.exists) return () => {}',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'nodes and links of a container with a devtmpfs at /dev are made in the one of the host, and change its modes',
    defence: 'there is one devtmpfs, so nothing is made in it, as in a /dev that is bound',
    where: 'src/plan/container.ts, src/plan/devices/devices.ts',
    test: {
      project: 'unit',
      file: 'src/plan/container.test.ts',
      name: 'makes no devices in a /dev that is the host’s',
    },
    mutation: {
      name: 'a devtmpfs is the container’s own',
      edits: [{ file: 'src/plan/container.ts', from: "step.type === 'devtmpfs'", to: "step.type === 'devtmpfs '" }],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'a program ends its first thread and goes on in another: kill says that it has stopped, delete --force leaves it',
    defence: 'a process with threads that run has not ended, whatever its state says',
    where: 'src/state/status.ts',
    test: e2e('cgroupAttacks', 'is the container, which runs and can be killed and deleted'),
    mutation: {
      name: 'a zombie has ended',
      edits: [{ file: 'src/state/status.ts', from: '!(Number(fields[16]) > 1)', to: 'true' }],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack: 'the same with a process that is not the first, and no pid namespace: cgroup.kill does not reach it',
    defence: 'what is left after cgroup.kill gets signals for the whole of a process',
    where: 'src/cgroup/cgroup.ts',
    test: e2e('cgroupAttacks', 'does not outlive the container, in which it is not the first'),
    mutation: {
      name: 'processes are killed by cgroup.kill only',
      edits: [{ file: 'src/cgroup/cgroup.ts', from: 'if (still.has(pid))', to: 'if (still.has(pid) && pid < 0)' }],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'who owns a directory above `--root` exchanges it for a link to a directory of root’s: containers come there',
    defence: 'links on the way are followed one at a time, and only those of root and of our own',
    where: 'src/state/store.ts, src/host/parentDirectory.ts',
    test: e2e('files', 'a directory of containers is behind no link of somebody else'),
    mutation: {
      name: 'links to the directory of containers are followed by the kernel',
      edits: [
        {
          file: 'src/host/parentDirectory.ts',
          from: 'const straight = withoutLinks(outside, path, flags | O_DIRECTORY, tolerate)',
          to: 'const straight = outside.openat(AT_FDCWD, path, flags | O_DIRECTORY, 0, tolerate)',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'on the way to a pid file, log, trace or image of root’s is a link of another user to a directory of root’s',
    defence: 'links on the way are followed one at a time, and only those of root and of our own',
    where: 'src/host/parentDirectory.ts',
    test: e2e('files', 'on the way to a file that is written a link of his is not followed either'),
    mutation: {
      name: 'links on the way are followed by the kernel',
      edits: [
        {
          file: 'src/host/parentDirectory.ts',
          from: 'flags | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS]',
          to: 'flags | O_CLOEXEC, 0, 0 & RESOLVE_NO_SYMLINKS]',
        },
      ],
    },
  },
  {
    ids: ['CVE-2024-21626'],
    attack:
      'whose caller has closed standard streams: the program has directories of the host in their place, and climbs out',
    defence: 'closed streams are opened before anything else is (Node.js does it by itself)',
    where: 'native/quickjs/streams.h, native/quickjs/host.c',
    test: {
      project: 'unit',
      file: 'native/quickjs/streams.test.ts',
      name: 'closed standard streams are opened before anything else is',
    },
    mutation: {
      name: 'closed streams stay closed',
      edits: [
        { file: 'native/quickjs/streams.h', from: 'fcntl(stream, F_GETFD) < 0', to: 'fcntl(stream, F_GETFD) < -1' },
      ],
    },
  },
  {
    ids: ['CVE-2018-15664'],
    attack: 'where openat2 is denied, a link of the image leads what is made for a mount to the host',
    defence:
      'each name is opened in the directory before, links are read and followed from the root, `..` is what was held',
    where: 'native/calls/walk.ts',
    test: e2e('denied', 'without openat2 links of the image lead nowhere but in the root'),
    mutation: {
      name: 'the walk lets the kernel follow links',
      edits: [
        {
          file: 'native/calls/walk.ts',
          from: 'openat(this.#here, name, O_PATH | O_NOFOLLOW)',
          to: 'openat(this.#here, name, O_PATH | (0 & O_NOFOLLOW))',
        },
        {
          file: 'native/calls/walk.ts',
          from: 'flags | O_NOFOLLOW | O_CLOEXEC',
          to: 'flags | O_CLOEXEC',
        },
      ],
    },
  },
  {
    ids: ['CVE-2019-5736'],
    attack: 'where memfd_create is denied, a privileged program writes to /proc/PID/exe of who joins the container',
    defence: 'the executor is a file of a mount that is read-only, and attached nowhere',
    where: 'native/calls/memory.ts',
    test: e2e('denied', 'without memfd_create the executable of who joins a container can not be written'),
    mutation: {
      name: 'that mount is writable',
      edits: [
        { file: 'native/calls/memory.ts', from: '{ set: MOUNT_ATTR_RDONLY }', to: '{ set: 0 & MOUNT_ATTR_RDONLY }' },
      ],
    },
  },
  {
    ids: ['CVE-2018-15664'],
    attack: 'links of a layer of an image lead what the next layer has, or removes, to the host (library)',
    defence:
      'every path of a layer is resolved by openat2 with RESOLVE_IN_ROOT, and used by its directory’s descriptor',
    where: 'src/library/image/directory.ts, src/library/image/layer.ts',
    test: e2e('libraryImage', 'a link of a layer leads to a place in the image'),
    mutation: {
      name: 'links of layers are followed wherever they lead',
      edits: [
        {
          file: 'src/library/image/directory.ts',
          from: 'const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS',
          to: 'const IN_ROOT = 0 & RESOLVE_IN_ROOT & RESOLVE_NO_MAGICLINKS',
        },
      ],
    },
  },
  {
    ids: ['as of tar'],
    attack: 'an entry or a hard link of a layer has `..` in its path (library)',
    defence: 'such a layer is refused',
    where: 'src/library/image/directory.ts',
    test: e2e('libraryImage', 'one that climbs in the midst'),
    mutation: {
      name: 'layers may climb',
      edits: [{ file: 'src/library/image/directory.ts', from: "parts.includes('..') || ", to: '' }],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: '/etc/passwd of an image is a device without an end, which is read for its user (library)',
    defence: 'a look comes before the open: only a regular file is read',
    where: 'src/library/image/directory.ts',
    test: e2e('libraryImage', 'an /etc/passwd without an end'),
    mutation: {
      name: 'files of an image are read whatever they are',
      edits: [
        {
          file: 'src/library/image/directory.ts',
          from: 'if ((mode & S_IFMT) !== S_IFREG) throw',
          to: 'if ((mode & S_IFMT) === S_IFREG + 1) throw',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'an image, or its program, makes names that are no text and more levels than a path can have: it stays (library)',
    defence: 'names are bytes, and directories come up before they are emptied, so that no path is long',
    where: 'src/library/image/removal.ts',
    test: e2e('libraryImage', 'names that are no text, and more levels than a path can have'),
    mutation: {
      name: 'names in an image are text',
      edits: [
        {
          file: 'src/library/image/removal.ts',
          from: 'of outside.readNames(directory))',
          to: 'of outside.readDirectory(directory).map(name => encode(name.concat(String.fromCharCode(0)))))',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28, runc 1.3.6'],
    attack:
      'a console socket in another’s directory is a link to the socket of a service of root’s: that gets the terminal',
    defence:
      'only links of root’s and of our own are followed to a socket, which is then connected to by its descriptor',
    where: 'src/streams/unixSocket.ts, src/host/callersFiles.ts',
    test: e2e('files', 'to a socket no link of his is followed'),
    mutation: {
      name: 'links to sockets are followed by the kernel',
      edits: [
        {
          file: 'src/streams/unixSocket.ts',
          from: 'using place = locate(outside, path, [ENOENT])',
          to: 'using place = outside.openat(-100, path, 0o10000000, 0, [ENOENT])',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28, runc 1.3.6'],
    attack:
      'the name of such a socket, or of one of an agent or of a service manager, is exchanged for a link in between two looks',
    defence: 'it is opened once, looked at, and connected to by that descriptor',
    where: 'src/streams/unixSocket.ts',
    test: {
      ...e2e('sockets', 'whose name is exchanged for a link while it is looked for leads to no other'),
      rounds: 8,
    },
    mutation: {
      name: 'a socket is looked at, and then connected to by its path',
      edits: [
        {
          file: 'src/streams/unixSocket.ts',
          from: 'return outside.connectTo(socket, ',
          to: 'if (place.exists) return outside.connectTo(socket, path, tolerate, about)\n  return outside.connectTo(socket, ',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack:
      'root of a container without privileges takes away all rights to its cgroup, which is the user’s: no state, no kill, no delete',
    defence: 'the user, whose cgroup it is as well, gives them back to himself',
    where: 'src/kernel/cgroupAccess.ts, src/cgroup/cgroup.ts',
    test: e2e('cgroupRights', 'a container that takes away rights to'),
    mutation: {
      name: 'rights to a cgroup stay away',
      edits: [
        {
          file: 'src/kernel/cgroupAccess.ts',
          from: "tolerate: 'any' })",
          to: "tolerate: 'any' } && { name: 'getpid', args: [] })",
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack: 'the same gives cgroups below its own to another id: they can not be removed, nor the container',
    defence: 'when nothing runs in there any more, the container goes and the cgroup stays, with a warning',
    where: 'src/container/delete.ts',
    test: e2e('cgroupRights', 'to another id is deleted; the cgroup stays'),
    mutation: {
      name: 'a cgroup that can not be removed keeps the container',
      edits: [
        {
          file: 'src/container/delete.ts',
          from: 'if (!(error instanceof CgroupRefusal)) throw error',
          to: 'if (error !== undefined) throw error',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack:
      'thousands of processes end their first threads, and the whole cgroup is read once for each: delete takes minutes',
    defence: 'many are held by pidfds at a time, and looked for once',
    where: 'src/cgroup/cgroup.ts',
    test: e2e('cgroupAttacks', 'many of them are ended without a look at all for each'),
    mutation: {
      name: 'each process is looked for on its own',
      edits: [{ file: 'src/cgroup/cgroup.ts', from: 'const HELD = 200', to: 'const HELD = 1' }],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack: 'who owns `--root` makes a directory there with control characters in its name: `list` writes them',
    defence: 'they are written as numbers',
    where: 'src/cli/commands/looking/list.ts',
    test: e2e('files', 'list writes no control characters of a name'),
    mutation: {
      name: 'list writes names as they are',
      edits: [
        { file: 'src/cli/commands/looking/list.ts', from: 'printable(id)', to: 'id.concat()' },
        { file: 'src/cli/commands/looking/list.ts', from: 'row.map(printable)', to: 'row.map(text => text)' },
      ],
    },
  },
  {
    ids: ['crun 1.28, runc 1.3.6'],
    attack: 'a program has a lease of /etc/passwd of its container: `exec` waits until it gives that up, or 45 s',
    defence: 'it is opened without waiting, and asked for again for a quarter of a second; then there is no such file',
    where: 'native/kernels/again.ts, src/setup/process/homeDirectory.ts',
    test: e2e('files', 'exec does not wait for an /etc/passwd of the container that somebody has a lease of'),
    mutation: {
      name: 'a lease is waited for',
      edits: [
        { file: 'native/kernels/again.ts', from: 'const LEASED_AGAIN_MS = 250', to: 'const LEASED_AGAIN_MS = 10_000' },
      ],
    },
  },
  {
    ids: ['crun 1.28'],
    attack:
      'an image brings an annotation, as with podman, with a filter of system calls that is loaded in the place of the profile',
    defence: 'it is loaded beside the profile, and after it',
    where: 'src/plan/seccomp/plan.ts, src/setup/facilities/seccomp.ts',
    test: e2e('annotations', 'it takes nothing away from the profile, since an image can bring it'),
    mutation: {
      name: 'the filter of the annotation is loaded first',
      edits: [
        {
          file: 'src/setup/facilities/seccomp.ts',
          from: '  loadProfile(process, plan, addHelper)\n',
          to: '  if (plan.added) process.executor.kernel.loadFilter(plan.added.flags, plan.added.program)\n  loadProfile(process, plan, addHelper)\n',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack: 'where move_mount is denied: who shares the root file system renames /proc while a container is made',
    defence: 'paths for mount(2) are links of descriptors in a procfs that was opened once',
    where: 'src/rootfs/mountByPath.ts',
    test: { ...e2e('names', 'by mount\\(2\\): /proc of a shared root file system is renamed'), rounds: 60 },
    mutation: {
      name: 'mount(2) is given the names of what descriptors are open on',
      edits: [
        {
          file: 'src/rootfs/mountByPath.ts',
          from: 'this.#mount(pathOf(mount), pathOf(target), null, flags',
          to: 'this.#mount(pathOf(mount), this.#inside.readlinkat(this.#procfs, pathOf(target)), null, flags',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.1'],
    attack:
      'where mount_setattr is denied: what is mounted in a volume, which is to be read-only as a whole, is written',
    defence: 'each mount below gets the attributes by its own descriptor, and one that can not be found is a failure',
    where: 'src/rootfs/mountByPath.ts',
    test: e2e('denied', 'is the same when mounts are made by mount'),
    mutation: {
      name: 'attributes reach one mount only',
      edits: [
        {
          file: 'src/rootfs/mountByPath.ts',
          from: 'if (recursive) for (const below',
          to: 'if (recursive && about.subject === undefined) for (const below',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack:
      'a container names cgroups below its own as files of controllers that it has not: no statistics, no inspect',
    defence: 'a directory is no file of a cgroup',
    where: 'src/kernel/cgroupAccess.ts, src/container/events.ts',
    test: e2e('cgroupAttacks', 'names of files that it has not'),
    mutation: {
      name: 'a directory is read as a file of a cgroup',
      edits: [
        { file: 'src/kernel/cgroupAccess.ts', from: "isErrno(error, 'EISDIR')", to: "isErrno(error, 'ENOTDIR')" },
      ],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack: 'who owns a cgroup marks it as that of a container with a path that no call takes: `gc` fails for the host',
    defence: 'what is no path is no mark',
    where: 'src/cgroup/mark.ts',
    test: e2e('cgroupAttacks', 'a word of another container’s with a path that no call takes'),
    mutation: {
      name: 'every mark is believed to be a path',
      edits: [
        {
          file: 'src/cgroup/mark.ts',
          from: 'return isPath(path) ?',
          to: 'return isPath(path) || text !== undefined ?',
        },
      ],
    },
  },
  {
    ids: ['tsrun 0.2'],
    attack:
      'the first process goes to a cgroup that is deeper than a path is long, where some kernels do not tell: kill and delete fail',
    defence: 'then its start time, and its cgroup’s id, have to do',
    where: 'src/cgroup/cgroup.ts',
    test: { project: 'unit', file: 'src/cgroup/cgroup.test.ts', name: 'deeper than a path is long' },
    mutation: {
      name: 'a cgroup without a path is a failure',
      edits: [{ file: 'src/cgroup/cgroup.ts', from: "'EPERM', 'ENAMETOOLONG')", to: "'EPERM')" }],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack:
      'who can alter descriptors.json of a checkpoint names pipes of the container there for what CRIU itself has open, directories of the host',
    defence: 'only the first three entries count, those of the standard streams',
    where: 'src/criu/descriptors.ts',
    test: e2e('checkpoint', 'who has altered descriptors.json gets nothing of what CRIU itself has open'),
    mutation: {
      name: 'every entry of descriptors.json counts',
      edits: [
        { file: 'src/criu/descriptors.ts', from: 'parseKeys(text).slice(0, STDIO.length)', to: 'parseKeys(text)' },
      ],
    },
  },
  {
    ids: ['crun 1.28', 'runc 1.3.6'],
    attack: 'on the way to the directory of a checkpoint is a link of another user: it is made where that leads',
    defence: 'it is made by the descriptor of the directory above, to which no link of somebody else leads',
    where: 'src/criu/criu.ts',
    test: e2e('files', 'the directory of a checkpoint is not made where a link of somebody else leads'),
    mutation: {
      name: 'the directory of a checkpoint is made by its path',
      edits: [
        {
          file: 'src/criu/criu.ts',
          from: 'doing(option, () => makeDirectory(outside, path))',
          to: 'doing(option, () => outside.mkdirat(AT_FDCWD, path, 0o700, [EEXIST]))',
        },
      ],
    },
  },
  {
    ids: ['crun 1.28'],
    attack:
      'a process of a container ends while `kill --all` goes through it, and a process of the host gets its number, and the signal',
    defence: 'each is held by a pidfd, and signalled when it is in the cgroup still',
    where: 'src/cgroup/cgroup.ts',
    test: e2e('pids', 'leaves alone who has got the number of a process'),
    mutation: listBelieved,
  },
  {
    ids: ['crun 1.28'],
    attack: 'the same of a process that is moved to another cgroup meanwhile, which may be threaded',
    defence: 'the same',
    where: 'src/cgroup/cgroup.ts',
    test: e2e('pids', 'leaves alone who has left it'),
    mutation: listBelieved,
  },
]

/** The table of docs/security.md. */
export function securityTable(): string {
  const rows = attacks.map(({ ids, attack, defence, where, test, mutation, succeedsOn }) => [
    ids.join(', '),
    attack,
    `${defence} (\`${where.replaceAll(', ', '`, `')}\`)`,
    `${test.file.replace(/^conformance\/cases\/\w+\//, '')}: ${test.name.replaceAll('\\d+', 'N').replaceAll(/[`\\]/g, '')}`,
    `${mutation.name}${succeedsOn ? `; ${succeedsOn}` : ''}`,
  ])
  const head = ['', 'attack', 'defence', 'test', 'fails with']
  const lines = [head, head.map(() => '---'), ...rows]
  return `${lines.map(cells => `| ${cells.join(' | ')} |`).join('\n')}\n`
}
