// A look around inside a container, to tell whether two containers are the same.

/** A script for busybox: sections that each begin with `== name`. */
export const PROBE = `
section() { echo "== $1"; }
section mounts;       cat /proc/self/mountinfo
section devices;      ls -lan /dev | sed 's/ [A-Z][a-z][a-z] .* \\([^ ]*\\)$/ \\1/'
section links;        for link in fd stdin stdout stderr ptmx; do readlink /dev/$link; done
section masked;       cat /proc/keys /proc/interrupts /proc/timer_list; ls -A /sys/firmware /proc/acpi
section writable;     for path in /x /proc/sys/x /sys/x /dev/x /dev/shm/x; do (: > $path) 2>/dev/null && echo $path; done
section namespaces;   for name in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$name; done
section hostname;     hostname
section cgroup;       cat /proc/self/cgroup
section status;       grep -E '^(Umask|Uid|Gid|Groups|NSpid|NSsid|Sig[PBIC]|Shd|Cap|NoNewPrivs|Seccomp)' /proc/self/status
section limits;       cat /proc/self/limits
section environment;  tr '\\0' '\\n' < /proc/1/environ
section directory;    readlink /proc/1/cwd
section descriptors;  ls /proc/1/fd
section network;      cat /proc/net/dev | sed 's/:.*//'; cat /sys/class/net/lo/flags
section processes;    ls -d /proc/[0-9]*
`

/** Numbers that the kernel gives out anew for each container. */
const anew: Readonly<Record<string, (line: string) => string>> = {
  mounts: line => line.replace(/^\d+ \d+ \d+:\d+/, 'mount').replace(/ (shared|master):\d+/g, ' $1'),
  namespaces: line => line.replace(/\[\d+\]/, '[own]'),
}

/** The namespaces that every container of the bundle shares with the host. */
const SHARED = /^(time|user):/

/** Splits a probe's output into its sections, without what is different in every container. */
export function sections(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of text.split(/^== /m).slice(1)) {
    const [name = '', ...lines] = part.trimEnd().split('\n')
    const same = anew[name] ?? (line => line)
    const cleaned = lines.map(line => (SHARED.test(line) ? line : same(line)))
    // The kernel lists mounts by their number, and gives numbers of mounts that are gone away again.
    found.set(name, (name === 'mounts' ? cleaned.sort() : cleaned).join('\n'))
  }
  return found
}

/** The sections in which two containers differ, with the first lines that do. */
export function differences(ours: string, theirs: string): string[] {
  const [a, b] = [sections(ours), sections(theirs)]
  const names = [...new Set([...a.keys(), ...b.keys()])]
  return names.flatMap(name => {
    const left = (a.get(name) ?? '').split('\n')
    const right = (b.get(name) ?? '').split('\n')
    const at = Array.from({ length: Math.max(left.length, right.length) }, (_, i) => i).find(i => left[i] !== right[i])
    return at === undefined ? [] : [`${name}: \`${left[at] ?? ''}\` and \`${right[at] ?? ''}\``]
  })
}
