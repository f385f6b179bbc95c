#!/bin/sh
# Makes what runc's integration tests need beside themselves: helper programs, with Debian's Go and Go packages, and the
# images that get-images.sh would fetch. Debian's image is a stand-in, busybox with those programs of this machine that
# its tests use.
#
# usage: build-runc-bats.sh SOURCE      GOCODE=DIRECTORY: where the Go packages are, if not installed
set -eu
source=$(cd "$1" && pwd)

go_path=$source/.gopath/src/github.com/opencontainers
mkdir -p "$go_path"
ln -sfn "$source" "$go_path/runc"
export GOPATH="$source/.gopath:${GOCODE:-/usr/share/gocode}"
# A tree of git has its packages; Debian's source uses those of others.
if [ -d "$source/vendor" ]; then export GO111MODULE=on GOFLAGS=-mod=vendor GOTOOLCHAIN=local; else export GO111MODULE=off; fi
cd "$go_path/runc"
# contrib/cmd up to runc 1.1, tests/cmd since; up to 1.2 they are looked for where they are built. sd-helper is for systemd.
mkdir -p tests/cmd/_bin
for directory in contrib/cmd/* tests/cmd/*; do
  name=$(basename "$directory")
  case $name in
    \* | *.md | _bin | sd-helper | check-config) continue ;;
  esac
  go build -tags seccomp -o "$directory/$name" "./$directory" || { echo "$0: tests that need $name will fail" >&2; continue; }
  ln -f "$directory/$name" tests/cmd/_bin
done

images=$(mktemp -d)
trap 'rm -rf "$images"' EXIT
root=$images/root
mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/home" "$root/lib" "$root/root" "$root/tmp" \
  "$root/usr/bin" "$root/usr/sbin" "$root/var"
chmod 1777 "$root/tmp"
echo root:x:0:0:root:/root:/bin/sh > "$root/etc/passwd"
printf 'root:x:0:\ntty:x:5:\n' > "$root/etc/group"
cp /bin/busybox "$root/bin/busybox"
for applet in $(busybox --list); do
  [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
done
pack() { tar -cJf "$source/tests/integration/testdata/$1-$(go env GOARCH).tar.xz" -C "$root" .; }
pack busybox
mkdir "$root/proc" "$root/sbin" "$root/sys"
cp /sbin/ldconfig "$root/sbin"
for name in bash cat chrt findmnt ionice stat; do
  rm -f "$root/bin/$name"
  cp "$(command -v "$name")" "$root/bin/$name"
  # "NAME => PATH (ADDRESS)", and the loader as "PATH (ADDRESS)"
  for library in $(ldd "$root/bin/$name" | grep -o '/[^ ]*'); do
    mkdir -p "$root${library%/*}"
    cp "$library" "$root$library"
  done
done
ln -sf ../../bin/ionice "$root/usr/bin/ionice"
pack debian
