# syntax=docker/dockerfile:1
# One image for every service: `docker run stridelog gateway`. It holds the binary
# and the certificate authorities, and nothing else: no shell, no package manager.

# The version by name; a name with a digest (…@sha256:…) may stand in its place:
# docs/operations.md, "Versions and digests".
ARG GO_IMAGE=golang:1.26.8-bookworm
FROM ${GO_IMAGE} AS build
WORKDIR /src
# The modules change less often than the code, so they are a layer of their own.
COPY go.work go.work.sum ./
COPY events/go.mod events/go.sum events/
COPY provider/go.mod provider/go.sum provider/
COPY platform/go.mod platform/go.sum platform/
COPY services/gateway/go.mod services/gateway/go.sum services/gateway/
COPY services/oauth/go.mod services/oauth/go.sum services/oauth/
COPY services/poller/go.mod services/poller/go.sum services/poller/
COPY services/projector/go.mod services/projector/go.sum services/projector/
COPY standalone/go.mod standalone/go.sum standalone/
RUN go mod download
COPY . .
# No repository is here, so these say what `stridelog version` shows.
ARG VERSION="" COMMIT="" BUILT=""
# Static, and with the time zones inside: the last stage has no libc and no files.
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION} -X main.commit=${COMMIT} -X main.built=${BUILT}" -tags timetzdata -o /out/stridelog ./standalone/cmd/stridelog
RUN mkdir /out/tmp /out/erasures

FROM scratch
ARG VERSION="" COMMIT="" BUILT=""
LABEL org.opencontainers.image.title="Stridelog" \
      org.opencontainers.image.description="Keeps every record a wearable cloud sent, and serves it" \
      org.opencontainers.image.source="https://github.com/stridelog/stridelog" \
      org.opencontainers.image.documentation="https://github.com/stridelog/stridelog/blob/main/docs/operations.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${BUILT}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/stridelog /stridelog
# Uploaded archives while they are imported; a volume that is mounted here is the user's.
COPY --from=build --chown=65532:65532 /out/tmp /tmp
# The gateway's list of erasures, on a volume.
COPY --from=build --chown=65532:65532 /out/erasures /erasures
ENV HOME=/ STRIDELOG_DATA_DIR=/data LOG_FORMAT=json
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
# Services without an API answer where OPERATIONS_ADDR says, see docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/stridelog", "health"]
ENTRYPOINT ["/stridelog"]
