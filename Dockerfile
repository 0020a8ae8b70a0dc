# The program in a slim image, as a user of its own; everything that is stored is below /data.
#
#   docker build -t openpersonalize .
#
# The server listens on all addresses of its container, so it starts only with OPENPERSONALIZE_ALLOW_REMOTE=1:
# requests are not authenticated yet, so publish the port on 127.0.0.1 alone, as docker-compose.yml does.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/openpersonalize
ENV PATH=/opt/openpersonalize/bin:$PATH
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY alembic ./alembic
COPY src ./src
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /data --no-create-home openpersonalize \
    && install -d -o openpersonalize -g openpersonalize /data
COPY --from=build /opt/openpersonalize /opt/openpersonalize
ENV PATH=/opt/openpersonalize/bin:$PATH \
    OPENPERSONALIZE_DATA_DIR=/data \
    OPENPERSONALIZE_HOST=0.0.0.0
USER openpersonalize
WORKDIR /data
VOLUME /data
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8484/readyz', timeout=5)"]
ENTRYPOINT ["openpersonalize"]
CMD ["serve"]
