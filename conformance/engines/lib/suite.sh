#!/bin/sh
# Makes a root of another suite of Debian, with engines and peers, by mmdebstrap. Nothing of the machine's own packages changes
# but that mmdebstrap itself is installed if it is missing. With a root that is whole already it does nothing.
#
# usage: suite.sh SUITE ROOT
set -eu

[ $# -eq 2 ] || { echo "usage: $0 SUITE ROOT" >&2; exit 64; }
suite=$1 root=$2
[ ! -e "$root.whole" ] || exit 0

engines=podman,buildah,skopeo,umoci,docker.io,containerd,runc,crun,criu
parts=conmon,netavark,aardvark-dns,passt,slirp4netns,fuse-overlayfs,uidmap,catatonit,tini,iptables,nftables,dbus,libcriu2
tools=iproute2,procps,busybox-static,jq,socat,strace,bsdutils,util-linux,kmod,ca-certificates,curl,openssl,tzdata,xz-utils
# Parts of packages since Debian 13; mmdebstrap refuses names that are not there.
case $suite in
  bookworm) ;;
  *) engines=$engines,docker-cli,docker-buildx,docker-compose tools=$tools,util-linux-extra ;;
esac

. "$(dirname "$0")/../../../scripts/apt.sh"
install_missing mmdebstrap
export DEBIAN_FRONTEND=noninteractive
uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null | grep -v '^ *#' | grep -o 'https\?://[^ ]*' | head -1)
rm -rf "$root"
mkdir -p "$(dirname "$root")"
# Valid-Until: a mirror may be behind. What it mounts there is gone with it, also when it is killed.
unshare --mount --propagation private -- mmdebstrap --quiet --variant=minbase --mode=root --include="$engines,$parts,$tools" --skip=check/empty \
  --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io "$suite" "$root" "deb $uri $suite main"
touch "$root.whole"
