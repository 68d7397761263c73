"""Neural topic models of token counts."""

from skvae.topics._gsm import GSMTopicModel
from skvae.topics._nvdm import NVDMTopicModel

__all__ = ["GSMTopicModel", "NVDMTopicModel"]
