#!/usr/bin/env bash
# The effect of a merge request: into the log, an artifact, and one note. Settings: see ../effect.sh, and
#
#   RINGMASTER_GITLAB_TOKEN     a project access token with the scope api, for the note; without it no note is written
#   RINGMASTER_FAIL_ON_EFFECT   true: an effect fails the job, so that a review can be required
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export RINGMASTER_BASE=${RINGMASTER_BASE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-}}
if [ -z "$RINGMASTER_BASE" ]; then
  echo "ringmaster: nothing to compare with outside of a merge request"
  exit 0
fi
file=${RINGMASTER_OUT:-ringmaster-effect.md}
RINGMASTER_OUT=$file "$here/../effect.sh"
code=$?
case $code in
  0) effect=false ;;
  1) effect=true ;;
  *) exit "$code" ;;
esac
cat "$file"
if [ -n "${RINGMASTER_GITLAB_TOKEN:-}" ] && [ -n "${CI_MERGE_REQUEST_IID:-}" ]; then
  node "$here/../comment.mjs" gitlab "$file" "$effect" || exit $?
else
  echo "ringmaster: RINGMASTER_GITLAB_TOKEN is not set, so no note is written"
fi
if [ "$effect" = true ] && [ "${RINGMASTER_FAIL_ON_EFFECT:-false}" = true ]; then
  echo "ringmaster: this change has an effect" >&2
  exit 1
fi
