# One image for every part; the command says which: api, worker, portal or migrate.
#
#   docker build --tag toetsfeedback:0.1.0 .
#   docker run --rm --env-file toetsfeedback.env toetsfeedback:0.1.0 worker
#
# docs/reference.md lists the variables of the environment file, docs/portal.md those of the portal.
# An API in a container has to listen beyond the container's own loopback:
# TOETSFEEDBACK_API_HOST=0.0.0.0; a portal as well: TOETSFEEDBACK_PORTAL_HOST=0.0.0.0.

FROM python:3.11.16-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# The pins come first: they change less often than the code. The servers that `toetsfeedback up`
# embeds are not among them, for here they run in containers of their own.
COPY requirements/build.txt requirements/server.txt requirements/
RUN python -m venv /opt/toetsfeedback \
 && /opt/toetsfeedback/bin/pip install --require-hashes -r requirements/server.txt \
 && pip install --require-hashes -r requirements/build.txt

COPY pyproject.toml README.md ./
COPY clients/ clients/
COPY migrations/ migrations/
COPY shared/ shared/
COPY embedded/ embedded/
COPY synthetic/ synthetic/
COPY services/ services/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/toetsfeedback/bin/pip install --no-deps --no-index /wheels/*.whl \
 && /opt/toetsfeedback/bin/pip uninstall --yes pip

FROM python:3.11.16-slim-trixie
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin toetsfeedback
COPY --from=build /opt/toetsfeedback /opt/toetsfeedback
ENV PATH=/opt/toetsfeedback/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000 8001
ENTRYPOINT ["toetsfeedback"]
CMD ["--help"]
