# To be sourced: apt on another suite of Debian than the machine's, with lists and downloads in a directory of its own.
# Nothing of the machine's own apt changes. Packages are verified as usual, with the machine's keys. They are for the machine,
# or for another one that `newer_architecture` names.

# newer_suite SUITE DIRECTORY: from now on `newer` works on SUITE.
newer_suite() {
  newer_dir=$2
  mkdir -p "$newer_dir/lists/partial" "$newer_dir/cache/archives/partial"
  . /etc/os-release
  # The machine's own source with the suite's name replaced: update and security suites have no counterpart.
  for newer_old in "${VERSION_CODENAME:-sid}" sid unstable testing stable; do
    newer_replace "$newer_old" "$1"
    [ ! -s "$newer_source" ] || break
  done
  [ -s "$newer_source" ] || { echo "$0: no source for ${VERSION_CODENAME:-sid} in the machine's apt configuration" >&2; return 1; }
  echo "reading the package list of $1" >&2
  newer apt-get -o APT::Update::Error-Mode=any update > "$newer_dir/log" 2>&1 || { cat "$newer_dir/log" >&2; return 1; }
}

# newer_replace OLD NEW: writes the file $newer_source, which is empty where the machine has no source for OLD.
newer_replace() {
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    newer_source=$newer_dir/newer.sources
    awk -v old="$1" -v new="$2" '
      BEGIN { RS = ""; FS = "\n" }
      $0 ~ "Suites: *" old "( |\n|$)" {
        for (i = 1; i <= NF; i++)
          print ($i ~ /^Suites:/) ? "Suites: " new : ($i ~ /^Types:/) ? "Types: deb deb-src" : $i
        exit
      }' /etc/apt/sources.list.d/debian.sources > "$newer_source"
  else
    newer_source=$newer_dir/newer.list
    sed -n "s/^deb\( .*[[:space:]]\)$1\([[:space:]]\)/\1$2\2/p" /etc/apt/sources.list | head -1 |
      sed 's/.*/deb&\ndeb-src&/' > "$newer_source"
  fi
}

# newer apt-get|apt-cache ARGUMENT...
newer() {
  newer_tool=$1
  shift
  "$newer_tool" -q -o Dir::State="$newer_dir" -o Dir::State::status=/dev/null -o Dir::Cache="$newer_dir/cache" \
    -o Dir::Etc::sourcelist="$newer_source" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root \
    ${newer_architecture:+-o APT::Architecture=$newer_architecture -o APT::Architectures=$newer_architecture} "$@"
}
