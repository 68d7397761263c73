"""Convolutional halves of an autoencoder of images."""

import math

import torch
from torch import nn

from skvae.nn.layers import ACTIVATIONS, MLP, norms_of
from skvae.nn.rows import append_columns


def convolution(layer, n_in, n_out, generator, **params):
    """A convolution that halves or doubles an image, with weights as in `Linear`."""
    params |= {"kernel_size": 3, "stride": 2, "padding": 1}
    device = torch.empty(0).device
    layer = nn.utils.skip_init(layer, n_in, n_out, device=device, **params)
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def image_sizes(image_shape, n_layers):
    """Height and width of an image that is halved again and again, rounding up."""
    sizes = [image_shape[-2:]]
    for _ in range(n_layers):
        sizes.append(tuple(math.ceil(n / 2) for n in sizes[-1]))
    return sizes


def widest_map(image_shape, channels):
    """Number of values of the largest of the maps that the convolutions make."""
    sizes = image_sizes(image_shape, len(channels))[1:]
    return max(n * math.prod(size) for n, size in zip(channels, sizes))


class ConvolutionalEncoder(nn.Module):
    """Convolutions that halve the image each, then dense layers.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width), the order of the values in a row.
    channels : sequence of int
        Of each convolution's output.
    hidden_layer_sizes : sequence of int
        Of the dense layers.
    n_side : int
        Columns behind the image, which the dense layers see.
    **layers : dict
        activation, dropout, batch_norm and generator, as in `MLP`.
    """

    def __init__(self, image_shape, channels, hidden_layer_sizes, n_side=0, **layers):
        super().__init__()
        self.image_shape = image_shape
        depths = [image_shape[0], *channels]
        self.convolutions = nn.ModuleList(
            convolution(nn.Conv2d, a, b, layers["generator"])
            for a, b in zip(depths, channels)
        )
        self.norms = norms_of(self.convolutions, channels, layers["batch_norm"], 2)
        self.activation = ACTIVATIONS[layers["activation"]]
        n_values = depths[-1] * math.prod(image_sizes(image_shape, len(channels))[-1])
        self.dense = MLP(n_values + n_side, hidden_layer_sizes, **layers)
        self.n_out = self.dense.n_out
        self.width = max(self.dense.width, widest_map(image_shape, channels))
        self.to(memory_format=torch.channels_last)  # half the time on a CPU

    def forward(self, x, generator=None):
        n_values = math.prod(self.image_shape)
        x, side = x[:, :n_values], x[:, n_values:]
        x = x.reshape(-1, *self.image_shape)
        for layer, norm in zip(self.convolutions, self.norms):
            x = self.activation(norm(layer(x)))
        return self.dense(append_columns(x.flatten(1), side), generator)


class ConvolutionalDecoder(nn.Module):
    """Dense layers, then transposed convolutions: the encoder in reverse."""

    def __init__(self, image_shape, channels, n_in, hidden_layer_sizes, **layers):
        super().__init__()
        sizes = image_sizes(image_shape, len(channels))
        depths = [image_shape[0], *channels]
        self.start_shape = (depths[-1], *sizes[-1])
        widths = [*hidden_layer_sizes, math.prod(self.start_shape)]
        self.dense = MLP(n_in, widths, **layers)
        self.convolutions = nn.ModuleList(
            convolution(
                nn.ConvTranspose2d,
                depths[i + 1],
                depths[i],
                layers["generator"],
                # What rounding up had added to an odd size, it must not add again.
                output_padding=tuple(1 - n % 2 for n in sizes[i]),
            )
            for i in reversed(range(len(channels)))
        )
        *inner, _ = self.convolutions
        self.norms = norms_of(inner, channels[-2::-1], layers["batch_norm"], 2)
        self.activation = ACTIVATIONS[layers["activation"]]
        self.width = max(self.dense.width, widest_map(image_shape, channels))
        self.to(memory_format=torch.channels_last)

    def forward(self, z, generator=None):
        x = self.dense(z, generator).reshape(-1, *self.start_shape)
        *inner, last = self.convolutions
        for layer, norm in zip(inner, self.norms):
            x = self.activation(norm(layer(x)))
        return last(x).flatten(1)
