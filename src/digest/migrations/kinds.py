"""The column types of the revisions, which must not follow changes of the models."""

from sqlalchemy import BigInteger, Integer
from sqlmodel.sql.sqltypes import UTCDateTime

BIG_ID = BigInteger().with_variant(Integer(), "sqlite")
MOMENT = UTCDateTime()
