"""The metadata of every table, filled by importing the models of each package."""

from sqlmodel import SQLModel

from digest.comparisons import models as comparisons
from digest.delivery import models as delivery
from digest.images import models as images
from digest.issues import models
from digest.issues import models as issues
from subscribers import models as subscribers

MODELS = (comparisons, images, issues, models, delivery, subscribers)
METADATA = SQLModel.metadata
