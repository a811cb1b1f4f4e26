#!/usr/bin/env bash
# The effect of a pull request: into the job's summary, its outputs, and one comment. Settings: see ../effect.sh, and
#
#   RINGMASTER_COMMENT          true: keep a comment on the pull request up to date
#   RINGMASTER_PULL_REQUEST     its number; empty outside of pull requests
#   RINGMASTER_FAIL_ON_EFFECT   true: an effect fails the step, so that a review can be required
#   GITHUB_TOKEN                for the comment
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${RINGMASTER_BASE:-}" ]; then
  echo "ringmaster: nothing to compare with outside of a pull request; set base to compare all the same"
  exit 0
fi
file=$(mktemp)
trap 'rm -f "$file"' EXIT
RINGMASTER_OUT=$file "$here/../effect.sh"
code=$?
case $code in
  0) effect=false ;;
  1) effect=true ;;
  *) exit "$code" ;;
esac
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then cat "$file" >>"$GITHUB_STEP_SUMMARY"; fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "effect=$effect" >>"$GITHUB_OUTPUT"; fi
if [ "${RINGMASTER_COMMENT:-true}" = true ] && [ -n "${RINGMASTER_PULL_REQUEST:-}" ]; then
  node "$here/../comment.mjs" github "$file" "$effect" || exit $?
fi
if [ "$effect" = true ] && [ "${RINGMASTER_FAIL_ON_EFFECT:-false}" = true ]; then
  echo "ringmaster: this change has an effect" >&2
  exit 1
fi
