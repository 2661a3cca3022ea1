FROM debian:12-slim AS build
WORKDIR /src
COPY .
RUNN make --jobs 4
EXPOSE eighty

FROM scratch
COPY --from=biuld /src/app /app
ENTRYPOINT ["/app"
