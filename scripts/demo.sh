#!/usr/bin/env bash
# The whole way of one order in a scratch root, with nothing but this machine: three days of heartbeats, `wo up` in the
# background, an order in the shape that people write, its measured report, and SQL over what was exported.
#
#   make demo                            exits 0 only when the order ended `done`
#   DEMO_BREAK=heartbeat make demo       one heartbeat can't be read
#   DEMO_BREAK=schedule make demo        no `wo up`, so nothing holds the schedule
#   DEMO_ROOT=DIR make demo              use (and keep) this folder instead of a new one under the temporary folder
set -euo pipefail
cd "$(dirname "$0")/.."

target="$(cd "${TARGET:-${CARGO_TARGET_DIR:-target}}" && pwd)"
wo="$target/debug/wo"
for name in $(compgen -e WO_ || true); do unset "$name"; done
broken="${DEMO_BREAK:-}"
case "$broken" in
  '' | heartbeat | schedule) ;;
  *)
    echo "error: DEMO_BREAK=$broken is neither heartbeat nor schedule" >&2
    exit 2
    ;;
esac

say() { printf '\n== %s\n' "$1"; }

if [ -n "${DEMO_ROOT:-}" ]; then
  root="$DEMO_ROOT"
else
  root="$(mktemp -d "${TMPDIR:-/tmp}/workbridge-demo.XXXXXX")/home ops เดโม"
fi
up=
stop() {
  if [ -n "$up" ]; then
    kill "$up" 2>/dev/null || true
    wait "$up" 2>/dev/null || true
    up=
  fi
}
trap stop EXIT
trap 'exit 130' INT TERM

say "a root, with three days of heartbeats as the field's monitor wrote them"
"$wo" init "$root" >/dev/null
cd "$root"
# a scratch root installs nothing on this machine, probes none of its services and opens no port
cat >wo.toml <<'TOML'
[services]
manager = "embedded"

[monitor]
enabled = false

[web]
enabled = false
TOML
"$target/debug/examples/heartbeats" g/reports/ops_atomic --days 3 --every 300 --faults
if [ "$broken" = heartbeat ]; then
  victim="$(find g/reports/ops_atomic -name 'heartbeat_*.md' | sort | sed -n 400p)"
  printf '\xff\xfe\x00 not text \x80\x81' >"$victim"
  echo "broken on purpose: $victim is no text any more"
fi

order=examples/WO-251029-PARQUET-EXPORTER.md
id=WO-251029-PARQUET-EXPORTER
if [ "$broken" = schedule ]; then
  say "broken on purpose: no wo up, so nothing holds the schedule; the order is run once"
  "$wo" run "$order" || true
else
  say "wo up in the background; wo submit $order"
  "$wo" up >g/logs/wo-up.log 2>&1 &
  up=$!
  id="$("$wo" submit "$order")"
  echo "$id"
  "$wo" wait "$id" --timeout 120 || true
fi

outcome="$("$wo" show "$id" --json | sed -n 's/^  "outcome": "\([a-z]*\)".*/\1/p')"
# the report from the verification template, else the completion report
report="$(find bridge/outbox/CLC -name "${id}_*VERIFICATION*.md" | sort | tail -n 1)"
report="${report:-bridge/outbox/CLC/${id}_REPORT.md}"

say "metrics, as $report has them"
if [ -f "$report" ]; then
  awk '/^\| *Metric *\| *Target *\| *Actual/ { on = 1 } !/^\|/ { on = 0 } on' "$report"
else
  echo "there is no report"
  [ ! -f g/logs/wo-up.log ] || tail -n 20 g/logs/wo-up.log
fi

say "verdict: ${outcome:-none}"
"$wo" show "$id" --json | sed -n 's/^  "reason": "\(.*\)",\{0,1\}$/\1/p'

say "places"
for file in bridge/outbox/CLC/*"$id"* g/analytics/*.parquet g/reports/parquet/*.md; do
  [ ! -f "$file" ] || echo "$root/$file"
done

say "wo query: cycles a day, by status"
"$wo" query "SELECT CAST(timestamp AS DATE) AS day, status, count(*) AS cycles, round(avg(duration_ms), 1) AS avg_ms
FROM heartbeats GROUP BY ALL ORDER BY ALL" || true

stop
echo
if [ "$outcome" = done ]; then
  echo "demo: the order ended done; everything is in $root"
else
  echo "demo: the order ended ${outcome:-not at all}; everything is in $root" >&2
  exit 1
fi
