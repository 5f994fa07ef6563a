# One image for every process of the product; no compiler, no package manager's cache, no root.
FROM python:3.13-slim-trixie AS build
WORKDIR /build
COPY requirements/production.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r production.txt \
    && /venv/bin/pip uninstall -y pip

FROM python:3.13-slim-trixie
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
CMD ["gunicorn", "--config", "deploy/gunicorn_conf.py", "config.wsgi"]
