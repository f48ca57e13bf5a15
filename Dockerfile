# Two stages: one builds, one runs. What runs holds neither pip's cache nor build tools nor root.
FROM python:3.12-slim AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# What builds the wheel, apart from what will run.
COPY requirements-build.lock requirements-runtime.lock ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r requirements-build.lock
RUN python -m venv /opt/filmgate \
    && /opt/filmgate/bin/pip install --require-hashes -r requirements-runtime.lock

COPY pyproject.toml README.md LICENSE ./
COPY gateway ./gateway
COPY providers ./providers
COPY mockserver ./mockserver
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /dist . \
    && /opt/filmgate/bin/pip install --no-deps --no-index /dist/*.whl \
    && /opt/filmgate/bin/pip uninstall --yes pip


FROM python:3.12-slim

ENV PATH=/opt/filmgate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FILMGATE_CONFIG=/etc/filmgate/filmgate.toml \
    FILMGATE_DATA=/data

# The configuration is empty until one is mounted in its place, or given as FILMGATE__… variables.
RUN groupadd --system --gid 10001 filmgate \
    && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home filmgate \
    && install -d -o 10001 -g 10001 -m 0750 /data \
    && install -D -m 0644 /dev/null /etc/filmgate/filmgate.toml

COPY --from=builder /opt/filmgate /opt/filmgate

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('FILMGATE__SERVER__PORT', '8080') + '/readyz', timeout=4)"]

ENTRYPOINT ["filmgate"]
CMD ["serve", "--host", "0.0.0.0"]
