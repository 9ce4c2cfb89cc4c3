# One image, one binary. The list of build packages is the Makefile's.
FROM debian:bookworm-slim AS build
RUN apt-get update -q && apt-get install -y -q --no-install-recommends make ca-certificates
WORKDIR /src
COPY Makefile ./
RUN make deps-build
COPY . .
RUN make build && strip build/livehub

FROM debian:bookworm-slim
# The libraries the program is linked to; a missing one shows in the next line but one.
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends ca-certificates libssl3 liburing2 libmimalloc2.0 \
      zlib1g libspdlog1.10 libfmt9 libtomlplusplus3 libprometheus-cpp-core1.0 \
      libhiredis0.14 libcjose0 libcurl4 libpq5 libnats3.4 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/livehub /usr/local/bin/livehub
RUN livehub --help >/dev/null
USER nobody
ENV LIVEHUB_PROFILE=live-data PORT=8787 MODE=hub
EXPOSE 8787 9091
# Drains on SIGTERM; give it longer than DRAIN_SECONDS before you kill it.
STOPSIGNAL SIGTERM
# Asks the admin port, on the loopback of the container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["livehub", "probe", "--quiet"]
CMD ["livehub", "serve"]
