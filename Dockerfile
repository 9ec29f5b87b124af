# Image for web, worker and beat: docker build --build-arg GIT_COMMIT=$(git rev-parse --short HEAD) -t backcourt .

FROM python:3.13.9-slim-bookworm AS packages
WORKDIR /build
COPY requirements.lock ./
# Wheels only, so no stage needs a compiler. The base image's pip installs into /venv, which has none.
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --only-binary=:all: --require-hashes -r requirements.lock
# Not used at run time: tests, headers, translations (USE_I18N is off), and Arrow's RPC and S3.
COPY bin/_slim ./
RUN ./_slim /venv

FROM python:3.13.9-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin backcourt \
 && install -d -o backcourt -m 700 /backcourt/var /backcourt/collected /warehouse
COPY --from=packages /venv /venv
WORKDIR /backcourt
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/backcourt/var
COPY manage.py ./
COPY validation validation
COPY backfill backfill
COPY webapp webapp
COPY templates templates
COPY static static
RUN python -m compileall -q validation backfill webapp
USER 10001
# Static files are built into the image, outside of every volume, which would keep those of an older version.
RUN SECRET_KEY=of-the-build-alone-0123456789-abcdefghijklmnopqrstuvwxyz python -m webapp.ops.static_files
ARG GIT_COMMIT=
ENV GIT_COMMIT=$GIT_COMMIT
EXPOSE 8000
CMD ["python", "-m", "backfill.processes.stoppable", "gunicorn", "webapp.wsgi", "-c", "python:webapp.gunicorn_conf"]
