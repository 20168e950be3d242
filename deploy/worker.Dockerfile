# syntax=docker/dockerfile:1
#
# An example of a worker's image: your programs, and Freshet's binary beside them. Put it into your app's
# folder, next to freshet.yaml, and build it there:
#
#   docker build -f worker.Dockerfile --build-arg FRESHET=freshet -t acme-worker .
#
# FRESHET is the image of Freshet's own deploy/Dockerfile. It needs, as environment of the container,
# DATABASE_URL and whatever your freshet.yaml names with ${VAR} and passEnv; a .dockerignore should keep .env and
# the like out of it.
#
# The worker is process 1, and there is no other init: it is a subreaper, as are the shims below it, reaps
# what tasks leave, and ends at SIGTERM (TestWorkerIsInit).

ARG FRESHET=freshet
ARG BASE=node:22.20.0-bookworm-slim

FROM ${FRESHET} AS freshet

FROM ${BASE}
COPY --from=freshet /freshet /usr/local/bin/freshet
WORKDIR /app
# What your programs need goes here. Of a Node app: COPY package.json package-lock.json ./, RUN npm ci --omit=dev
COPY . .
ENV FRESHET_CONFIG=/app/freshet.yaml
# Not root: a worker that is root refuses to run commands as root. Commands get /app to read, not to change.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/freshet"]
# Kept up by what runs it. What starts workers when there is work says "--idle-exit" as well.
CMD ["worker", "--pool", "default"]
