"""What a trained net holds, as arrays and plain values."""

import numpy as np
import pandas as pd
import torch


def best_epoch(net):
    """The epoch whose weights the net has kept."""
    stopping = dict(net.callbacks_).get("skvae_early_stopping")
    return len(net.history) if stopping is None else stopping.best_epoch_


def history_frame(net):
    """The history of training as users see it, a row for each epoch."""
    names = {
        "train_loss": "loss",
        "reconstruction": "reconstruction",
        "kl": "kl",
        "valid_loss": "validation_loss",
    }
    # Without a cast by pandas, which changes the program's filters of warnings for a
    # moment: a Ctrl-C then might leave them so.
    epochs = pd.Index([row["epoch"] for row in net.history], name="epoch")
    columns = {
        name: np.array([row.get(key, np.nan) for row in net.history], dtype=float)
        for key, name in names.items()
    }
    return pd.DataFrame(
        {name: c for name, c in columns.items() if not np.isnan(c).all()}, index=epochs
    )


def get_state(net):
    """Arrays and plain values from which `set_state` restores a net exactly."""
    moments = net.optimizer_.state
    return {
        "seed": net.seed,
        "config": net.config,
        "weights": {
            key: value.cpu().numpy() for key, value in net.module_.state_dict().items()
        },
        "optimizer": {
            name: {key: value.cpu().numpy() for key, value in moments[weight].items()}
            for name, weight in net.module_.named_parameters()
            if weight in moments  # not so, if it is not trained
        },
        "history": [
            {
                key: value.item() if isinstance(value, np.generic) else value
                for key, value in row.items()
                if key != "batches"
            }
            for row in net.history
        ],
    }


def set_state(net, state):
    """Give a new net of the same configuration the state of another."""
    # Copies: the arrays may be read-only (memory-mapped) or shared with another net.
    net.module_.load_state_dict(
        {key: torch.from_numpy(np.array(v)) for key, v in state["weights"].items()}
    )
    weights = dict(net.module_.named_parameters())
    for name, slots in state["optimizer"].items():
        for key, value in slots.items():
            value = torch.from_numpy(np.array(value)).to(weights[name].device)
            if key != "step":
                # In the layout of the weight: Adam goes through both in the order of
                # memory, and that of convolutions is not the usual one.
                value = torch.empty_like(weights[name]).copy_(value)
            net.optimizer_.state[weights[name]][key] = value
    net.history.extend(dict(row) for row in state["history"])
