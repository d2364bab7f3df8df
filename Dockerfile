# The app in a container: docker build -t sparser2sparse . && docker run --rm -p 127.0.0.1:8501:8501 \
#   -v s2s-runs:/runs sparser2sparse
# With CUDA: docker build --build-arg TORCH=cuda -t sparser2sparse . ; run it with --gpus all
# The steps are those of the README: torch in the build one wants, then the package with its app.
FROM python:3.11-slim

ARG TORCH=cpu
WORKDIR /src
COPY requirements.txt ./
RUN version=$(sed -n 's/^torch==//p' requirements.txt) && \
    if [ "$TORCH" = cpu ]; then \
      pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu "torch==$version"; \
    else pip install --no-cache-dir "torch==$version"; fi && \
    pip install --no-cache-dir -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps . && rm -rf /src/*

# Not root; runs lie on a volume that outlives the container.
RUN useradd --create-home s2s && mkdir /runs && chown s2s /runs
USER s2s
WORKDIR /home/s2s
ENV S2S_RUNS=/runs
VOLUME /runs
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"
# Inside a container the app has to listen on the container's address; -p 127.0.0.1:8501:8501 above
# keeps it on this machine. SECURITY.md says how to serve several people.
CMD ["s2s", "app", "--address", "0.0.0.0", "--no-browser"]
