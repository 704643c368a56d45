# The page for a folder of videos:
#
#   docker build -t slta .
#   docker run -p 8321:8321 -v ~/Videos:/videos:ro -v slta:/data slta
#
# and open the address that it prints, with this machine's name.
FROM python:3.11-slim-bookworm
WORKDIR /slta
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip install --no-cache-dir .
RUN useradd --create-home slta && mkdir /data /videos && chown slta /data /videos
USER slta
ENV SLTA_HOME=/data
# The networks are made now, not at the first start.
RUN python -c "from slta import Searcher; Searcher().prepare()"
VOLUME ["/data", "/videos"]
EXPOSE 8321
ENTRYPOINT ["slta", "serve", "/videos", "--host", "0.0.0.0"]
