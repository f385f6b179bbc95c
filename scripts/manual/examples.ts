import type { CommandName } from '../../src/cli/line/options.ts'

/** Command lines that one would type, with what they are for. */
export const examples: Readonly<Record<CommandName, readonly (readonly [line: string, purpose: string])[]>> = {
  create: [
    ['tsrun create --bundle /srv/web web', 'make it; the program waits for `start`'],
    ['tsrun create --bundle /srv/web --pid-file /run/web.pid web', 'and tell its pid'],
  ],
  start: [['tsrun start web', 'run its program']],
  run: [
    ['tsrun run demo', 'run the bundle in the directory demo, and remove the container in the end'],
    ['tsrun run --detach --bundle /srv/web web', 'in the background'],
    ['tsrun --debug run demo', 'and see where the time went'],
  ],
  exec: [
    ['tsrun exec -t web sh', 'a shell in there'],
    ['tsrun exec --user 1000:1000 --cwd /srv --env LANG=C web make', 'as a user, somewhere, with a variable'],
    ['tsrun exec --cap-set NONE web id', 'without any capability'],
    ['tsrun exec --process process.json web', 'what a file says'],
  ],
  state: [['tsrun state web | jq -r .status', 'its status']],
  kill: [
    ['tsrun kill web', 'SIGTERM to its first process'],
    ['tsrun kill --all web KILL', 'and SIGKILL to all of them'],
    ["tsrun kill --regex '^job-' TERM", 'to all containers with such a name'],
  ],
  delete: [
    ['tsrun delete web', 'remove a container that has stopped'],
    ['tsrun delete --force web', 'whatever it is doing'],
  ],
  pause: [['tsrun pause web', 'freeze it']],
  resume: [['tsrun resume web', 'let it go on']],
  update: [
    ['tsrun update --memory 256m --pids-limit 100 web', 'other limits'],
    ['tsrun update --dry-run --cpu-quota 50000 --cpu-period 100000 web', 'what would be written'],
    [`echo '{"memory": {"limit": 268435456}}' | tsrun update --resources - web`, 'as JSON'],
  ],
  checkpoint: [
    ['tsrun checkpoint --image-path /var/tmp/web web', 'store it, and stop it'],
    ['tsrun checkpoint --leave-running --tcp-established --image-path /var/tmp/web web', 'store it while it runs'],
  ],
  restore: [['tsrun restore --detach --bundle /srv/web --image-path /var/tmp/web web', 'go on from there']],
  mounts: [
    [
      `echo '[{"destination": "/mnt", "type": "bind", "source": "/srv/data", "options": ["bind", "ro"]}]' | tsrun mounts add web -`,
      'a directory of the host for a running container',
    ],
    [`echo '[{"destination": "/mnt"}]' | tsrun mounts remove web -`, 'and away again'],
  ],
  ps: [
    ['tsrun ps web', 'its processes'],
    ['tsrun ps --format json web', 'their pids'],
    ['tsrun ps web -o pid,rss,args', 'as ps(1) would show them'],
  ],
  events: [
    ['tsrun events --stats web', 'numbers, once'],
    ['tsrun events --interval 1s web', 'every second, and what happens in between'],
  ],
  wait: [['tsrun wait web', 'its exit code, when it ends']],
  inspect: [
    ['tsrun inspect web', 'all about it'],
    ['tsrun inspect --drift web', 'what is not as its config.json says'],
  ],
  list: [
    ['tsrun list', 'all containers'],
    ['tsrun list --quiet', 'their names'],
  ],
  gc: [
    ['tsrun gc', 'what is left of dead containers'],
    ['tsrun gc --force', 'remove it'],
  ],
  doctor: [['tsrun doctor', 'can this host run containers?']],
  validate: [
    ['tsrun validate demo', 'all that is wrong with a bundle'],
    ['tsrun validate --format json demo', 'for a program'],
  ],
  plan: [
    ['tsrun plan demo', 'what create and start would do'],
    ['tsrun plan --diff other demo', 'and where another bundle differs'],
  ],
  seccomp: [
    ['tsrun seccomp explain demo', 'the filter in numbers, and likely mistakes'],
    ['tsrun seccomp explain demo clone3', 'what this call gets, and why'],
    ['tsrun seccomp explain --disassemble profile.json', 'the compiled program'],
  ],
  completion: [['tsrun completion bash > /usr/share/bash-completion/completions/tsrun', 'complete words in bash']],
  spec: [
    ['tsrun spec --bundle demo', 'a config.json to begin with'],
    ['tsrun spec --bundle demo --host-rootfs', "one that runs at once, on the host's own programs, read-only"],
    ['tsrun spec --rootless', 'for a container without root'],
  ],
  features: [['tsrun features | jq .linux.seccomp', 'what it knows of seccomp']],
  help: [['tsrun help exec', 'the options of a command']],
}
