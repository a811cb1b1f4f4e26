#!/usr/bin/env bash
# What has to hold before a merge: declarations are valid, formatted, and pass their policy tests. All of it runs, so that one
# run tells everything. Settings come from the environment alone, and nothing of them is ever run as code.
#
#   RINGMASTER                  the command; default: the one of this checkout
#   RINGMASTER_PATH             folder of the declarations; default: .
#   RINGMASTER_FORMAT           form of validate's findings: text (default), github, gitlab
#   RINGMASTER_FMT              true (default): also check the format
#   RINGMASTER_TEST             auto (default): play policy tests where there are any; true: there have to be some; false: none
#   RINGMASTER_COVERAGE         least coverage of the policy tests in percent; default: none
#   RINGMASTER_REPORTS          folder for reports (junit.xml, gl-code-quality-report.json); default: none
#
# Exit code: 0 all good, 1 something is not, 2 wrong settings, 3 something could not run.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ringmaster=${RINGMASTER:-$here/../bin/ringmaster}
path=${RINGMASTER_PATH:-.}
format=${RINGMASTER_FORMAT:-text}
reports=${RINGMASTER_REPORTS:-}
worst=0

# A path that begins with "-" is a path all the same.
case $path in -*) path=./$path ;; esac

note() {
  local what=$1 code=$2
  if [ "$code" -ne 0 ]; then echo "ringmaster: $what: exit code $code" >&2; fi
  if [ "$code" -gt "$worst" ]; then worst=$code; fi
}

echo "== validate $path"
if [ "$format" = gitlab ] && [ -n "$reports" ]; then
  mkdir -p "$reports" || exit 3
  "$ringmaster" validate --format gitlab "$path" >"$reports/gl-code-quality-report.json"
  note validate $?
  # The report is for the forge; people read the log.
  "$ringmaster" validate "$path"
else
  "$ringmaster" validate --format "$format" "$path"
  note validate $?
fi

if [ "${RINGMASTER_FMT:-true}" = true ]; then
  echo "== fmt --check $path"
  "$ringmaster" fmt --check "$path"
  note "not formatted, run: ringmaster fmt" $?
fi

has_tests() {
  [ -n "$(find "$path" -name node_modules -prune -o -name '.?*' -prune -o \( -name '*.test.yaml' -o -name '*.test.yml' \) -print 2>/dev/null | head -n 1)" ]
}

tests=${RINGMASTER_TEST:-auto}
if [ "$tests" = auto ]; then
  if has_tests; then tests=true; else tests=false && echo "== no policy tests (*.test.yaml) in $path"; fi
fi
if [ "$tests" = true ]; then
  echo "== test $path"
  options=(--coverage)
  if [ -n "${RINGMASTER_COVERAGE:-}" ]; then options+=(--coverage-threshold "$RINGMASTER_COVERAGE"); fi
  "$ringmaster" test "${options[@]}" "$path"
  note test $?
  if [ -n "$reports" ]; then
    mkdir -p "$reports" || exit 3
    "$ringmaster" test --format junit "$path" >"$reports/junit.xml" || true
  fi
fi

exit "$worst"
