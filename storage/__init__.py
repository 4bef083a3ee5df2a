"""Postgres: the embedded server, the pool, migrations, named queries and the stores over them."""
