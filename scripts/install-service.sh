#!/usr/bin/env bash
# Has launchd (macOS) or systemd (Linux, user unit) keep `wo up` alive for a root.
#
#   scripts/install-service.sh ROOT [WO]      install or replace, and start
#   scripts/install-service.sh --print ROOT [WO]   only print what would be installed
#
# WO is the program [default: the `wo` on the PATH]. Both become absolute paths.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
print=
if [ "${1:-}" = --print ]; then
  print=1
  shift
fi
[ "$#" -ge 1 ] || {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
}
root="$(cd "$1" && pwd -P)"
wo="${2:-$(command -v wo || true)}"
[ -x "$wo" ] || {
  echo "error: failed to find \`wo\`: ${wo:-it is not on the PATH}" >&2
  echo "hint: make install, or name it as the second argument" >&2
  exit 2
}
wo="$(cd "$(dirname "$wo")" && pwd -P)/$(basename "$wo")"

# replaces @WO@ and @ROOT@ literally, whatever the paths hold; $2 escapes them for the format
render() {
  local text wo_text root_text
  text="$(cat "$1")"
  wo_text="$("$2" "$wo")" root_text="$("$2" "$root")"
  # bash 5.2 takes a `&` in the replacement for what was matched
  shopt -u patsub_replacement 2>/dev/null || true
  text="${text//@WO@/$wo_text}"
  printf '%s\n' "${text//@ROOT@/$root_text}"
}
xml() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' <<<"$1"; }
unit() { sed 's/%/%%/g; s/\\/\\\\/g; s/"/\\"/g' <<<"$1"; }

case "$(uname -s)" in
  Darwin)
    label=com.02luka.workbridge
    text="$(render "$here/launchd/$label.plist" xml)"
    [ -z "$print" ] || { printf '%s\n' "$text" && exit 0; }
    plist="$HOME/Library/LaunchAgents/$label.plist"
    mkdir -p "$(dirname "$plist")" "$root/g/logs"
    printf '%s\n' "$text" >"$plist"
    plutil -lint -s "$plist"
    launchctl bootout "gui/$(id -u)/$label" 2>/dev/null || true
    launchctl bootstrap "gui/$(id -u)" "$plist"
    echo "installed: $plist"
    ;;
  *)
    text="$(render "$here/systemd/workbridge.service" unit)"
    [ -z "$print" ] || { printf '%s\n' "$text" && exit 0; }
    command -v systemctl >/dev/null || {
      echo "error: failed to install the service: there is neither launchd nor systemd here" >&2
      echo "hint: run \`wo --root $root up\` under whatever keeps programs alive here" >&2
      exit 1
    }
    place="${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/workbridge.service"
    mkdir -p "$(dirname "$place")"
    printf '%s\n' "$text" >"$place"
    systemctl --user daemon-reload
    systemctl --user enable workbridge.service
    systemctl --user restart workbridge.service
    echo "installed: $place"
    ;;
esac
