/** Keeps what it can get of the executables of processes that join the container, and writes to them when they are done. */
export const overwriter = (mark: string) => `
trap 'exit 0' TERM
while :; do
  for p in /proc/[0-9]*; do
    read -r name < $p/comm || continue
    case $name in tsrun*|runc*|crun*|exe) ;; *) continue ;; esac
    echo seen
    exec 9< $p/exe || continue
    echo held
    while [ -e $p ]; do :; done
    if echo ${mark} 1<> /proc/self/fd/9; then echo written; fi
    exec 9<&-
  done
done 2>/dev/null`
