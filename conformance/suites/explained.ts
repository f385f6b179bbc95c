// Why tsrun fails what another runtime passes in a public suite. What is in no list here is a mistake of tsrun.

/** Reasons by part of the suite and check, both as the table has them. */
export type Explained = Readonly<Record<string, string>>

const HELP = 'looks for the headings of runc’s own help (`NAME:`); tsrun’s help says `Usage:`'
const LOCKED =
  'in a user namespace runc refuses `rw`, `dev` or another time rule where the source’s own is locked, and the test wants its ' +
  'words; tsrun leaves what is locked, as crun does, since podman asks for `rw` of every volume'
const READ_ONLY =
  'with `ro` among the options runc takes nosuid, nodev and noexec of the source away, crun leaves them; tsrun leaves them, too: ' +
  'who has mounted a volume nosuid is not overruled by a container that only reads it'

export const RUNC_BATS: Explained = {
  'help: runc -h': HELP,
  'help: runc command -h': HELP,
  'host-mntns: ends with 1':
    'the test passes; its clean-up takes the mounts off with one umount of the root file system, which runc alone makes a mount ' +
    'point of the host, and rm fails. tsrun mounts there as crun does',
  'mounts_sshfs: runc run [bind mount {no,rel,strict}atime semantics]': LOCKED,
  'mounts_sshfs: runc run [dev,exec,suid,atime bind mount of a nodev,nosuid,noexec,noatime fuse sshfs mount]': LOCKED,
  'mounts_sshfs: runc run [explicit-rw bind mount of a ro fuse sshfs mount]': LOCKED,
  'mounts_sshfs: runc run [ro bind mount of a nodev,nosuid,noexec fuse sshfs mount]': READ_ONLY,
  'mounts_sshfs: runc run [ro,noexec bind mount of a nosuid,noatime fuse sshfs mount]': READ_ONLY,
  'mounts_sshfs: runc run [ro,symfollow bind mount of a rw,nodev,nosymfollow fuse sshfs mount]': READ_ONLY,
  'pidfd-socket: runc create [ --pidfd-socket ]':
    'sends SIGTERM to a container that is created only: the first process of a pid namespace does not hear it, as with crun; ' +
    'runc’s is a Go program, whose runtime ends itself',
  'run: runc run [/proc/self/exe clone]':
    'looks for a debug line about runc’s copy of itself; tsrun has no process of its own in the container to copy',
  'run: runc run [execve error]':
    'wants `exec /run.sh: no such file or directory` as the whole first line; tsrun has it within its sentence, behind ' +
    'what it was doing',
  'seccomp-notify: runc run [seccomp] (SCMP_ACT_NOTIFY write)':
    'runc refuses to have an agent asked about write(2), since its own init needs that; tsrun’s does not, and runs the container',
  'seccomp: runc run [seccomp] (SECCOMP_FILTER_FLAG_*)':
    'the test of 1.3 knows no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, which `features` of tsrun has; that of 1.4 passes',
  'update: hangs':
    'a test that fails here with every runtime has a receiver for the terminal that waits for ever when nobody connects; runc ' +
    'connects before it sets the limit that fails, tsrun finds out first',
  'version: runc version': 'looks for the name `runc`',
}

const NO_PROCESS =
  'the program takes the error that its own sentence demands for a failure, and then waits for a container that runs ' +
  'without a process; crun starts one'
const RACE =
  'the program deletes the container right after the signal; whether it has stopped by then is chance, also with crun'

export const RUNTIME_TOOLS: Explained = {
  'hooks_stdin: the state of the container MUST be passed to "prestart" hook over stdin':
    'the program wants the status `created`; since version 1.0.2 of the specification it is `creating` there, as runc has it',
  'killsig: `kill` operation MUST send the specified signal to the container process': RACE,
  'linux_mount_label: exit code 1': 'without SELinux a mountLabel is refused, as in runc; crun ignores it',
  'linux_process_apparmor_profile: exit code 1': 'without AppArmor a profile is refused, as in runc; crun ignores it',
  'mounts: exit code 1':
    'options of a file system (`mode=755`) on a bind mount are refused, as in runc; crun ignores them',
  'start: `start` operation MUST generate an error if `process` was not set': NO_PROCESS,
  'start: timeout in waiting for the container status': NO_PROCESS,
}

const OWN_NAME = 'looks for the name `crun` (`Usage: crun [OPTION...] delete CONTAINER`)'

export const CRUN_TESTS: Explained = {
  'commands: version-command': OWN_NAME,
  'delete: test_help_delete': OWN_NAME,
  'devices: dev-symlink-does-not-populate-outside-rootfs':
    'a link of the image at /dev: crun refuses it, tsrun and runc make what it names inside the root; nothing outside is touched',
  'exec: exec-help': OWN_NAME,
  'exec: exec_add_no_new_privileges':
    'the container has no_new_privs: crun forgets them in exec, with tsrun and runc they stay',
  'hooks: test-createContainer-hook-after-mounts':
    'crun begins createContainer hooks in the bundle, tsrun and runc in the root of the container, and hooks count on that',
  'mounts: mount-bind-to-rootfs':
    'a mount whose destination is `/`: crun mounts over the root, and a read-only root is not read-only then; tsrun and runc refuse it',
  'mounts: mount-help': OWN_NAME,
  'oci_features: crun-features': 'compares with what crun’s features print, versions and all',
  'resources: resources-fail-with-enoent':
    'looks for `no such file or directory`, by which podman takes a missing program for the reason; tsrun names the file and the limit',
  'seccomp: seccomp-listener':
    'no rule asks an agent, and the specification has listenerPath ignored then; crun connects all the same',
  'start: help': OWN_NAME,
  'start: start': 'reads the file in which crun keeps its state',
  'uid_gid: regular-files-chowned':
    'crun gives a stream’s file to the group of the program, too; with tsrun and runc the group stays, so who reads a log by it still can',
}

/** Of podman's own system tests. */
export const PODMAN_BATS: Explained = {}
