#!/usr/bin/env bash
# Installs what Ringmaster needs beside the action, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ ! -d node_modules/zod ]; then npm ci --omit=dev --no-audit --no-fund; fi
