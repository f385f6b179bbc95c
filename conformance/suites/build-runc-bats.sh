#!/bin/sh
# Makes what runc's integration tests need beside themselves: helper programs, with Debian's Go and Go packages, and the
# images that get-images.sh would fetch. Debian's image is a stand-in, busybox with the ldconfig of this machine: all that
# its tests use of it.
#
# usage: build-runc-bats.sh SOURCE
set -eu
source=$(cd "$1" && pwd)

go_path=$source/.gopath/src/github.com/opencontainers
mkdir -p "$go_path"
ln -sfn "$source" "$go_path/runc"
export GO111MODULE=off GOPATH="$source/.gopath:/usr/share/gocode"
cd "$go_path/runc"
# contrib/cmd up to runc 1.1, tests/cmd since. sd-helper is for tests with systemd.
for directory in contrib/cmd/* tests/cmd/*; do
  name=$(basename "$directory")
  case $name in
    \* | *.md | sd-helper | check-config) continue ;;
  esac
  go build -tags seccomp -o "$directory/$name" "./$directory" || echo "$0: tests that need $name will fail" >&2
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
mkdir "$root/sbin"
cp /sbin/ldconfig "$root/sbin"
pack debian
