// What a container looks like from inside: a script for the shell in it, and what is made of its output.

/** Prints sections, each with a heading; nothing in it depends on time or on the runtime's names. */
export const PROBE_SCRIPT = `
section() { echo "@$1"; }
section status; grep -E '^(Umask|Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status
section limits; sed 1d /proc/self/limits
section mounts; cat /proc/self/mountinfo
section namespaces; for n in cgroup ipc mnt net pid time user uts; do echo "$n $(readlink /proc/self/ns/$n)"; done
section env; env | sort
section cwd; pwd; stat -c '%A %u %g' .
section uts; hostname; cat /proc/sys/kernel/domainname; uname -m
section oom; cat /proc/self/oom_score_adj
section dev; ls -l /dev /dev/deep 2>&1 | sed -E 's/ +[A-Z][a-z]{2} +[0-9]+ +[0-9:]+ / /'
section fds; ls /proc/self/fd
section sysctl; for f in net/ipv4/ip_forward net/ipv4/conf/all/forwarding kernel/msgmax fs/mqueue/msg_max; do echo "$f $(cat /proc/sys/$f 2>&1)"; done
section scheduling; chrt -p 1 2>&1 | sed 's/pid [0-9]*/pid N/'; nice; ionice -p $$ 2>&1
section time; cat /proc/self/timens_offsets
section personality; cat /proc/self/personality 2>&1
section paths; for p in /proc/kcore /proc/keys /proc/sys /etc /etc/passwd /home /tmp /mnt /run /nowhere; do
  echo "$p $(ls -ld $p 2>&1 | cut -c1-11) $(head -c 3 $p 2>&1 | wc -c) $(ls $p 2>&1 | wc -l)"; done
section writing; for d in / /tmp /mnt /mnt/a /run /etc /home /proc/sys/kernel/msgmax; do
  if [ -d $d ]; then touch $d/.probe 2>/dev/null && echo "$d yes" && rm $d/.probe || echo "$d no"; fi; done
section calls; mkdir /tmp/made 2>&1; rmdir /tmp/made 2>&1; chmod 700 /tmp/none 2>&1
section id; id -u; id -g; id -G
section cgroup; cut -d: -f1,2 /proc/self/cgroup
section first; tr '\\0' ' ' < /proc/1/cmdline | head -c 5
`

/** In its place, where it only matters that the program ran. */
export const BRIEF_SCRIPT = 'echo @first'

/** The sections of the probe's output by name, as lines. */
export type Seen = Readonly<Record<string, readonly string[]>>

export function parseProbe(output: string): Seen {
  const sections: Record<string, string[]> = {}
  let lines: string[] = []
  for (const line of output.split('\n')) {
    if (line.startsWith('@')) sections[line.slice(1)] = lines = []
    else if (line !== '') lines.push(line)
  }
  return sections
}
