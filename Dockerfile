# Image for web, worker and beat: docker build --build-arg GIT_COMMIT=$(git rev-parse --short HEAD) -t backcourt .

FROM python:3.13.9-slim-bookworm AS packages
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.lock ./
# Wheels only, so no stage needs a compiler.
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: --require-hashes -r requirements.lock

FROM python:3.13.9-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin backcourt \
 && install -d -o backcourt -m 700 /backcourt/var /warehouse
COPY --from=packages /venv /venv
WORKDIR /backcourt
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/backcourt/var
COPY manage.py ./
COPY validation validation
COPY backfill backfill
COPY webapp webapp
COPY templates templates
COPY static static
# Static files are built into the image: a volume would keep those of an older version.
RUN python -m compileall -q validation backfill webapp
USER 10001
RUN SECRET_KEY=of-the-build-alone-0123456789-abcdefghijklmnopqrstuvwxyz python manage.py collectstatic --no-input --verbosity 0
ARG GIT_COMMIT=
ENV GIT_COMMIT=$GIT_COMMIT
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "webapp.wsgi", "-c", "python:webapp.gunicorn_conf"]
