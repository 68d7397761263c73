"""Autoencoders of any numeric table and of images."""

from skvae.vae._transformer import VAETransformer

__all__ = ["VAETransformer"]
