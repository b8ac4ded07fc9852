#!/usr/bin/env bash
# Programs that the tests start and that pip cannot bring. On Debian and Ubuntu, as root, they are installed;
# anywhere else they are named, and the tests that need one say so themselves.
set -euo pipefail

# program:Debian package
wanted=(git:git strace:strace)

missing=()
for pair in "${wanted[@]}"; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if { apt-get -qq update && apt-get -qq install --yes --no-install-recommends "${missing[@]}"; } >/dev/null; then
    exit 0
  fi
fi
echo "make: these programs are missing and could not be installed from here: ${missing[*]}" >&2
echo "make: on Debian and Ubuntu: sudo apt-get install ${missing[*]}" >&2
