#!/usr/bin/env bash
# What the change does, as Markdown for a comment. Settings come from the environment alone.
#
#   RINGMASTER            the command; default: the one of this checkout
#   RINGMASTER_BASE       what to compare with: a commit, branch or tag. Needed
#   RINGMASTER_PATH       folder of the declarations in the repository; default: .
#   RINGMASTER_SERVER     a live controller as the world (its token: RINGMASTER_TOKEN)
#   RINGMASTER_SNAPSHOT   or a file of `ringmaster snapshot`
#   RINGMASTER_OUT        where the Markdown goes; default: ringmaster-effect.md
#
# Exit code: 0 no effect, 1 an effect, other: it could not be worked out.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ringmaster=${RINGMASTER:-$here/../bin/ringmaster}
base=${RINGMASTER_BASE:-}
path=${RINGMASTER_PATH:-.}
out=${RINGMASTER_OUT:-ringmaster-effect.md}

if [ -z "$base" ]; then
  echo "ringmaster: RINGMASTER_BASE is not set: name the commit or branch to compare with" >&2
  exit 2
fi
case $base in
  -*)
    echo "ringmaster: RINGMASTER_BASE must not begin with a dash" >&2
    exit 2
    ;;
esac

# Forges check out one commit only; the base is fetched where it is missing.
if ! git rev-parse --verify --quiet --end-of-options "$base^{commit}" >/dev/null; then
  if ! git fetch --no-tags --depth=1 -- origin "$base"; then
    echo "ringmaster: $base cannot be fetched" >&2
    exit 3
  fi
  base=$(git rev-parse --verify FETCH_HEAD) || exit 3
fi

options=(--base "$base" --format markdown)
if [ "$path" != . ]; then options+=(--path "$path"); fi
if [ -n "${RINGMASTER_SERVER:-}" ]; then options+=(--server "$RINGMASTER_SERVER"); fi
if [ -n "${RINGMASTER_SNAPSHOT:-}" ]; then options+=(--snapshot "$RINGMASTER_SNAPSHOT"); fi
"$ringmaster" diff "${options[@]}" >"$out"
