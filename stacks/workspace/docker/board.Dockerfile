# The board. Built by Docker alone; natively it is installed already.
FROM node:22-slim AS pages
COPY web /src/web
COPY services/workspace_board /src/services/workspace_board
RUN cd /src/web && npm ci && npm run build

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home board
COPY packages/servicekit /src/servicekit
COPY --from=pages /src/services/workspace_board /src/workspace_board
RUN pip install --no-cache-dir /src/servicekit /src/workspace_board && rm -rf /src
USER board
ENV HOST=0.0.0.0 PORT=3103
EXPOSE 3103
CMD ["workspace-board"]
