#!/bin/sh
# Makes what crun's tests need beside themselves: the program that runs in their containers.
#
# usage: build-crun-tests.sh SOURCE
set -eu
cd "$1/tests"
configuration=$(mktemp -d)
trap 'rm -rf "$configuration"' EXIT
: > "$configuration/config.h"
cc -static -O1 -I "$configuration" -o init init.c
