# The API. Built by Docker alone; natively it is installed already.
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home api
COPY packages/branchpg /src/branchpg
COPY packages/servicekit /src/servicekit
COPY services/workspace /src/workspace
RUN pip install --no-cache-dir /src/branchpg /src/servicekit /src/workspace && rm -rf /src
USER api
ENV HOST=0.0.0.0 PORT=3200
EXPOSE 3200
CMD ["workspace-api"]
