#!/usr/bin/env bash
# Fetches the prebuilt libduckdb that `wo-sql` is linked to, once, and checks it against the pinned digest.
#
#   scripts/setup.sh           into $DUCKDB_LIB_DIR, else third_party/duckdb (where .cargo/config.toml looks)
#   WO_BUNDLED_DUCKDB=1 …      compile DuckDB from source instead
#
# Writes third_party/features: the cargo features that the Makefile passes on. It holds `bundled-duckdb` where there is
# no prebuilt library to be had. Does nothing, quickly, when all is in place.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.5.5-r.5
case "$(uname -s)" in
  Linux) os=linux library=libduckdb.so ;;
  Darwin) os=darwin library=libduckdb.dylib ;;
  *) os=other library=libduckdb.so ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) arch=other ;;
esac

# sha512 of the package's tarball, in hex; the same digest that the registry lists, in base64, as its `integrity`
case "$os-$arch" in
  linux-x64) sha512=902caae815e19fa4177f017cc957552ab8924873feadf556709e7a706f2a67394e669c72bd3e561a6ea332c871838762b4b94eb07b0837f0f8ed162b7235ee1d ;;
  linux-arm64) sha512=09a7c7d8022f5eda700f29c6dca07fe2e10e1d11a516807b6ae091308c07dc128d2286ec00d5792d2a43277b5fc9108522c2ba7bc013d5eb1e5959eed83bf773 ;;
  darwin-x64) sha512=acdd0a8d7d77330550e55e6e7f292896dcbfb5fe1269a7cea4659c500d427a07fdf233de45db09b0413520c5e7f27deee96bcc4991152661c9de66b81ebed5ce ;;
  darwin-arm64) sha512=58975e2d3172e29460eb4ae46e9f6c9ad94fd62210f04aed2099314bed8b42d335659312072c96fb758fa4da0a7bb2303ed565d9f2e53f0eed0e6416e19f7be2 ;;
  *) sha512= ;;
esac

package="@duckdb/node-bindings-$os-$arch"
tarball_name="duckdb-node-bindings-$os-$arch-$version.tgz"
cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/workbridge"
place="${DUCKDB_LIB_DIR:-third_party/duckdb}"
stamp="$place/.package"
mkdir -p third_party

# keeps the file's time when nothing changes, so that nothing is rebuilt
features() {
  [ -f third_party/features ] && [ "$(cat third_party/features)" = "$1" ] || printf '%s\n' "$1" >third_party/features
}

from_source() {
  echo "setup: $1" >&2
  echo "setup: DuckDB will be compiled from source (feature bundled-duckdb): about 42 CPU-minutes, once; it needs a C++ compiler" >&2
  features bundled-duckdb
  exit 0
}

digest() {
  if command -v sha512sum >/dev/null; then sha512sum "$1" | cut -d' ' -f1; else shasum -a 512 "$1" | cut -d' ' -f1; fi
}

[ -z "${WO_BUNDLED_DUCKDB:-}" ] || from_source "WO_BUNDLED_DUCKDB is set"

if [ -f "$place/$library" ]; then
  if [ "$(cat "$stamp" 2>/dev/null)" = "$package $version $sha512" ]; then
    features ""
    exit 0
  fi
  if [ -n "${DUCKDB_LIB_DIR:-}" ] && [ ! -f "$stamp" ]; then
    echo "setup: using the libduckdb that is in DUCKDB_LIB_DIR, $place" >&2
    features ""
    exit 0
  fi
fi

[ -n "$sha512" ] || from_source "there is no prebuilt libduckdb for $(uname -s) on $(uname -m)"

tarball="$cache/$tarball_name"
mkdir -p "$cache"
if [ ! -f "$tarball" ]; then
  command -v npm >/dev/null || from_source "npm is missing, so the prebuilt libduckdb cannot be fetched"
  echo "setup: fetching the prebuilt libduckdb (24 MB): npm pack $package@$version" >&2
  fetch="$(mktemp -d "$cache/fetch.XXXXXX")"
  trap 'rm -rf "$fetch"' EXIT
  for try in 1 2 3; do
    (cd "$fetch" && npm pack --silent "$package@$version" >/dev/null) && break
    echo "setup: npm pack failed (try $try of 3)" >&2
  done
  [ -f "$fetch/$tarball_name" ] || from_source "npm could not fetch $package@$version"
  mv "$fetch/$tarball_name" "$tarball"
fi

found="$(digest "$tarball")"
if [ "$found" != "$sha512" ]; then
  refused="$tarball.refused"
  mv "$tarball" "$refused"
  cat >&2 <<MESSAGE
error: failed to verify \`$tarball_name\`: its sha512 is not the pinned one, so it is not used
  pinned: $sha512
  found:  $found
hint: it was set aside as $refused; run this again to fetch it anew. If that fails too, whoever serves the package
      serves something else: do not go on before you know why.
MESSAGE
  exit 1
fi

mkdir -p "$place"
unpack="$(mktemp -d "$place/.unpack.XXXXXX")"
trap 'rm -rf "${fetch:-}" "$unpack"' EXIT
tar -xmzf "$tarball" -C "$unpack" "package/$library" package/LICENSE
mv "$unpack/package/LICENSE" "$place/LICENSE"
mv "$unpack/package/$library" "$place/$library"
printf '%s\n' "$package $version $sha512" >"$stamp"
features ""
echo "setup: libduckdb $version is in $place" >&2
