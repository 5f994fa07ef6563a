# One image for every process of the product; no compiler, no package manager's cache, no root.
FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements/production.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r production.txt \
    && /venv/bin/pip uninstall -y pip

FROM python:3.13-slim-trixie AS product
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.base \
    STRONGBOX_STATE_DIR=/app/state \
    STRONGBOX_FILES_DIR=/files
RUN groupadd --system --gid 10001 strongbox \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin strongbox \
    && install -d -o strongbox -g strongbox -m 0700 /files /checkpoints /erasures /schedule
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# Hashed names for the static files; the values drawn for this step are in no layer.
RUN python -m config.embedded.check collectstatic --no-input --verbosity 0 \
    && python -m compileall -q .
USER 10001:10001

# The ops-worker's and the receiver's: PostgreSQL's own programs of the same series beside the product.
FROM postgres:18-trixie AS ops
ENV PATH=/venv/bin:/usr/local/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.base \
    STRONGBOX_STATE_DIR=/app/state \
    STRONGBOX_FILES_DIR=/files
COPY --from=product /usr/local /usr/local
RUN ldconfig && apt-get update && apt-get install -y --no-install-recommends libffi8 libsqlite3-0 libexpat1 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 strongbox \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin strongbox \
    && install -d -o strongbox -g strongbox -m 0700 /files /backups /scratch /erasures
COPY --from=product /venv /venv
COPY --from=product /app /app
WORKDIR /app
ENTRYPOINT []
USER 10001:10001

FROM product
CMD ["gunicorn", "--config", "deploy/gunicorn_conf.py", "config.wsgi"]
