// Why tsrun fails what another runtime passes in a public suite. What is in no list here is a mistake of tsrun.

/** Reasons by part of the suite and check, both as the table has them. */
export type Explained = Readonly<Record<string, string>>

const DEBUG = 'looks for lines of runc’s own log (`level=debug`, names of its functions); tsrun’s --debug is a timeline'
const HELP = 'looks for the headings of runc’s own help (`NAME:`, `runc checkpoint`)'
const CARRIAGE_RETURN =
  'the program has a terminal and prints to a pipe: runc turns ONLCR of the pseudo-terminal off, tsrun and crun leave ' +
  'it on, so the line that is compared ends with a carriage return; with `process.terminal` false the test passes'

export const RUNC_BATS: Explained = {
  'cgroups: runc run/create should refuse pre-existing frozen cgroup':
    'tsrun refuses it, too; the test looks for runc’s words, `container’s cgroup unexpectedly frozen`',
  'debug: global --debug': DEBUG,
  'debug: global --debug to --log': DEBUG,
  "debug: global --debug to --log --log-format 'text'": DEBUG,
  "debug: global --debug to --log --log-format 'json'": DEBUG,
  'exec: runc --debug exec': DEBUG,
  'exec: runc --debug --log exec': DEBUG,
  'help: runc -h': HELP,
  'help: runc command -h': HELP,
  'help: runc foo -h': HELP,
  'mask: mask paths [prohibit symlink /proc]':
    'tsrun refuses it, too; the test looks for runc’s words, `must be mounted on ordinary directory`',
  'run: runc run with tmpfs': CARRIAGE_RETURN,
  'run: runc run with tmpfs perms': CARRIAGE_RETURN,
  'run: runc run [joining existing container namespaces]':
    'the test writes `"path": ""` for a new namespace; the specification wants an absolute path or none, and tsrun says ' +
    'so. With the property left out the test passes',
  'seccomp-notify: runc run [seccomp] (SCMP_ACT_NOTIFY no seccompagent)':
    'tsrun refuses it, too; the test looks for runc’s words, `failed to connect with seccomp agent`',
  'seccomp-notify: runc run [seccomp] (SCMP_ACT_NOTIFY write)':
    'runc refuses to have an agent asked about write(2), since its own init needs that; tsrun’s does not, and runs the container',
  'update: hangs':
    'a test that fails here with every runtime leaves its terminal’s receiver waiting when the container is refused, and ' +
    'tsrun refuses it: `"access": "rwa"` is not what the specification has (r, w, m)',
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
const NOTIFY =
  'crun mounts the socket’s directory over the path that NOTIFY_SOCKET has on the host, tsrun and runc at /run/notify: a systemd ' +
  'in the container makes a socket of its own at /run/systemd/notify, where that of the host is, too'

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
  'start: invalid-id-chars': '`run .` is the bundle in the current directory; the other ids are refused',
  'start: sd-notify': NOTIFY,
  'start: sd-notify-env': NOTIFY,
  'start: sd-notify-file': NOTIFY,
  'start: start': 'reads the file in which crun keeps its state',
  'uid_gid: regular-files-chowned':
    'crun gives a stream’s file to the group of the program, too; with tsrun and runc the group stays, so who reads a log by it still can',
}
