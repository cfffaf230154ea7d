# The web page in a container: docker build -t einthoven . && docker run -p 8501:8501 -v einthoven:/data einthoven
FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    EINTHOVEN_WEB_DATABASE=sqlite:////data/web.db \
    NUMBA_CACHE_DIR=/home/einthoven/numba MPLCONFIGDIR=/tmp/matplotlib OMP_NUM_THREADS=2

WORKDIR /app
COPY constraints.txt setup.cfg pyproject.toml README.md LICENSE ./
COPY ecg ecg
COPY synth synth
COPY digitize digitize
COPY classify classify
COPY explain explain
COPY einthoven einthoven
# [learn] brings torch, for maps by gradients; without it the page explains by occlusion.
ARG EXTRAS=web,learn
RUN pip install -c constraints.txt ".[${EXTRAS}]" \
    && useradd --create-home --uid 10001 einthoven && mkdir /data && chown einthoven /data

USER einthoven
# Reads one page: compiled loops are kept, so that the first page of a container does not wait for them.
RUN einthoven demo -o /tmp/demo && rm -r /tmp/demo
VOLUME /data
EXPOSE 8501
HEALTHCHECK --start-period=120s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"]
CMD ["einthoven", "serve", "--address", "0.0.0.0", "--port", "8501"]
