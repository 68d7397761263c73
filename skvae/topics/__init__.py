"""Neural topic models of token counts."""

from skvae.topics._gsm import GSMTopicModel
from skvae.topics._nvdm import NVDMTopicModel
from skvae.topics._prodlda import ProdLDATopicModel

__all__ = ["GSMTopicModel", "NVDMTopicModel", "ProdLDATopicModel"]
