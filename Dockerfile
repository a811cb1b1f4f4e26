# syntax=docker/dockerfile:1

# What runs: the packages of package-lock.json, and the Node.js that is one of them.
FROM node:24-bookworm-slim AS build
WORKDIR /app
RUN apt-get update \
  && apt-get install --yes --no-install-recommends libatomic1 \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir -p /libraries /data \
  && cp -L /usr/lib/*-linux-gnu/libatomic.so.1 /libraries/
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY bin ./bin
COPY controller ./controller

# Neither shell nor package manager; the C++ libraries that Node.js needs, root certificates, and a user.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="ringmaster" \
  org.opencontainers.image.description="Declarative GitOps rollout controller for software updates" \
  org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
  LD_LIBRARY_PATH=/usr/local/lib/ringmaster
COPY --from=build /libraries /usr/local/lib/ringmaster
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build /app /app
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/app/node_modules/node/bin/node", "--eval", "fetch('http://127.0.0.1:8080/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/node_modules/node/bin/node", "/app/controller/cli/main.ts"]
CMD ["--help"]
