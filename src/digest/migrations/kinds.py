"""The column types revisions are written with."""

from sqlalchemy import BigInteger, Integer
from sqlmodel.sql.sqltypes import UTCDateTime

BIG_ID = BigInteger().with_variant(Integer(), "sqlite")
MOMENT = UTCDateTime()
