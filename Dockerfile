# Two stages: wheels are made in the first, the second holds what runs.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY harvest harvest
COPY model model
COPY store store
COPY api api
COPY configs configs
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/winnow \
 && /opt/winnow/bin/pip install --no-cache-dir "torch==2.13.0" \
 && /opt/winnow/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home winnow
COPY --from=build /opt/winnow /opt/winnow
ENV PATH=/opt/winnow/bin:$PATH WINNOW_DATA_DIR=/data WINNOW_HOST=0.0.0.0 HF_HUB_OFFLINE=1
USER winnow
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["winnow", "serve"]
