# The image of nodes and of the operator. `image/build.ts` makes the same without a container engine.
#   docker build -t p2pdb .
# BUILD_IMAGE: any Debian-like image with Node 20 or later, npm and authorities' certificates.
# BASE_IMAGE: what the files lie on; `debian:12-slim` adds a shell. It must be of the same Debian as BUILD_IMAGE, whose
# libraries are taken over.
ARG BUILD_IMAGE=node:24-bookworm
ARG BASE_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY bin ./bin
RUN node bin/setup.mjs
COPY . .
RUN node bin/run.mjs image/build.ts --stage /image

FROM ${BASE_IMAGE}
COPY --from=build /image /
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    P2PDB_DATA=/var/lib/p2pdb \
    P2PDB_MYSQL=0.0.0.0:3306 \
    P2PDB_HTTP=0.0.0.0:8080 \
    P2PDB_PEERS=0.0.0.0:4001
LABEL org.opencontainers.image.title="P2PDB" \
      org.opencontainers.image.description="A MySQL-protocol SQL database of equal nodes, and its operator" \
      org.opencontainers.image.licenses="Apache-2.0"
EXPOSE 3306 4001 8080
VOLUME /var/lib/p2pdb
WORKDIR /var/lib/p2pdb
USER 65532:65532
ENTRYPOINT ["p2pdb"]
CMD ["node"]
