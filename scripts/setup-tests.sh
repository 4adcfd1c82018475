#!/usr/bin/env bash
# Installs the programs that tests need and that are not there: a real redis-server, and on Linux strace.
# Fails loudly when it can't: a test whose server is missing must not pass.
set -euo pipefail

missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
if [ "$(uname -s)" = Linux ]; then
  command -v strace >/dev/null || missing+=(strace)
  # for power cuts; only root can mount the file systems
  [ "$(id -u)" != 0 ] || command -v mkfs.ext4 >/dev/null || missing+=(e2fsprogs)
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "setup-tests: installing ${missing[*]}" >&2
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)

if [ "$(uname -s)" = Darwin ] && command -v brew >/dev/null; then
  brew install --quiet "${missing[@]/redis-server/redis}" >&2 || true
elif command -v apt-get >/dev/null; then
  # Debian's package starts a server of its own on install; the tests start theirs on private ports
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  install=(${as_root[@]+"${as_root[@]}"} apt-get install -y -qq --no-install-recommends "${missing[@]}")
  "${install[@]}" >&2 || { ${as_root[@]+"${as_root[@]}"} apt-get update -qq >&2 && "${install[@]}" >&2; } || true
elif command -v dnf >/dev/null; then
  ${as_root[@]+"${as_root[@]}"} dnf install -y -q "${missing[@]/redis-server/redis}" >&2 || true
fi

failed=0
for program in "${missing[@]}"; do
  if ! command -v "${program/e2fsprogs/mkfs.ext4}" >/dev/null; then
    echo "error: failed to install \`$program\`, which the tests need" >&2
    failed=1
  fi
done
if [ "$failed" = 1 ]; then
  echo "hint: install it by hand (Debian: apt-get install ${missing[*]}; macOS: brew install redis) and run this again" >&2
fi
exit "$failed"
