# One image for every process of service mode; compose.yaml says which command each runs.
FROM python:3.12-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/base.txt requirements/base.txt
RUN pip install --require-hashes -r requirements/base.txt
# docker compose build --build-arg STT=1 adds the local speech engine
ARG STT=
COPY requirements/stt.txt requirements/stt.txt
RUN if [ -n "$STT" ]; then pip install --require-hashes -r requirements/stt.txt; fi
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --loglevel=error
COPY . .
RUN mkdir -p static/vendor/uplot static/vendor/htmx \
    && cp node_modules/uplot/dist/uPlot.esm.js node_modules/uplot/dist/uPlot.min.css node_modules/uplot/LICENSE static/vendor/uplot/ \
    && cp node_modules/htmx.org/dist/htmx.min.js node_modules/htmx.org/LICENSE static/vendor/htmx/ \
    && rm -rf node_modules \
    && pip install --no-deps --no-build-isolation --no-index -e . \
    && BIOLAB_DATA=/tmp/build DJANGO_SETTINGS_MODULE=biolab.settings.collect python manage.py collectstatic --noinput

FROM python:3.12-slim-bookworm
# Pango draws the PDFs
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --create-home --home-dir /data --uid 10001 biolab
COPY --from=build /venv /venv
COPY --from=build --chown=root:root /app /app
WORKDIR /app
USER biolab
# docker compose build --build-arg GIT_SHA=$(git rev-parse HEAD) lets /api/v1/health tell the commit
ARG GIT_SHA=
ENV GIT_SHA=$GIT_SHA
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 BIOLAB_DATA=/data DJANGO_SETTINGS_MODULE=biolab.settings.service
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "4", "--blocking-threads", "1", "--backpressure", "64", "--no-ws", "biolab.wsgi:application"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
