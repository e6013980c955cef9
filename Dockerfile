# The server, its worker and its commands in one image. It holds no secret: settings come from the environment.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# What changes seldom comes first, so that a new release builds in seconds.
COPY requirements/base.txt requirements/
RUN python -m venv /opt/noteassist \
    && /opt/noteassist/bin/pip install --require-hashes -r requirements/base.txt
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY noteassist noteassist
RUN /opt/noteassist/bin/pip install --no-deps --no-build-isolation . \
    && /opt/noteassist/bin/pip check \
    && /opt/noteassist/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm
# bubblewrap and Debian's own Python are for programs of users (docs/sandbox.md); add nodejs for JavaScript. The fonts
# are for PDF files in other scripts than Latin, Greek and Cyrillic, and make up most of the image.
ARG PACKAGES="bubblewrap python3 fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends $PACKAGES \
    && rm -rf /var/lib/apt/lists/*
# A volume that is mounted on one of these folders for the first time takes its owner over.
RUN useradd --uid 10001 --home-dir /var/lib/noteassist --shell /usr/sbin/nologin noteassist \
    && install -d -m 0700 -o noteassist -g noteassist /var/lib/noteassist /var/tmp/noteassist
COPY --from=build /opt/noteassist /opt/noteassist
ENV PATH=/opt/noteassist/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NOTEASSIST_ENV=production \
    INSTANCE_DIR=/var/lib/noteassist \
    TMPDIR=/var/tmp/noteassist \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /var/lib/noteassist
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether the process lives, not whether the database does: a new container would not bring that back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=4)"]
CMD ["noteassist", "serve"]
