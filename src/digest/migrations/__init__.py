"""The database schema, one Alembic revision at a time.

`all_tables` collects the metadata of every table from the models. `revision` compares the revision
of a database with the newest one, and `upgrade` runs the missing revisions of `versions/`. Alembic
runs them by `env`, on the connection it is given and in one transaction, and they are written with
the column types of `kinds`. `job_queue_schema` applies the SQL that the job queue's library ships.
`table_check` compares the tables of a database with the metadata afterwards, and says where they
differ.
"""
