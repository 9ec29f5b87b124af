# The image of web, worker and beat: docker build --build-arg GIT_COMMIT=$(git rev-parse --short HEAD) -t backcourt .

FROM python:3.13.9-slim-bookworm AS packages
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt ./
# Wheels alone: nothing is compiled, so no compiler is needed, not even here.
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary=:all: -r requirements.txt

FROM python:3.13.9-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin backcourt \
 && install -d -o backcourt /backcourt/var /warehouse
COPY --from=packages /venv /venv
WORKDIR /backcourt
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/backcourt/var
COPY manage.py ./
COPY validation validation
COPY backfill backfill
COPY webapp webapp
COPY templates templates
COPY static static
# Static files belong to the version, so they are in the image and in no volume, where an older version's would stay.
RUN python -m compileall -q validation backfill webapp \
 && SECRET_KEY=of-the-build-alone python manage.py collectstatic --no-input --verbosity 0
ARG GIT_COMMIT=
ENV GIT_COMMIT=$GIT_COMMIT
USER 10001
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "webapp.wsgi", "-c", "python:webapp.gunicorn_conf"]
