"""Fitted models for others: as ONNX graphs, and described in model cards."""

from skvae.export._card import model_card
from skvae.export._onnx import to_onnx

__all__ = ["model_card", "to_onnx"]
