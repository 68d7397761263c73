"""
Reconstruct and generate images
===============================

A Gaussian variational autoencoder finds the standard deviation of its pixels along with
everything else. With a deviation of 1, which makes the loss the squared error plus
twice the KL term, a code can hardly pay for itself: images are blurred and new ones
alike.
"""

import matplotlib.pyplot as plt
from images import load_digit_images, show_images
from sklearn.model_selection import train_test_split

from skvae import VAETransformer

# %%
# Both models: 10 latent dimensions, one hidden layer. Early stopping holds out a tenth
# of the images, whose loss `history_` then has beside that of training.
X, y, shape = load_digit_images(8000)
X_train, X_test = train_test_split(X, test_size=1 / 8, stratify=y, random_state=0)

params = dict(
    hidden_layer_sizes=(1000,), max_epochs=15, early_stopping=True, random_state=0
)
learnt = VAETransformer(10, **params).fit(X_train)
unit = VAETransformer(10, scale=1.0, **params).fit(X_train)
for name, model in {"learnt": learnt, "1": unit}.items():
    error = ((model.reconstruct(X_test) - X_test) ** 2).mean()
    print(
        f"deviation {name}: {model.score(X_test):.1f} nats an image, squared error "
        f"{error:.4f} a pixel, {model.health_['active_units']} active units"
    )
print(f"the deviation that was learnt is {learnt.scale_:.3f}")

# %%
# A code is a distribution. Draws of it decode to slightly different images.
figure, axes = plt.subplots(
    3, 2, figsize=(10, 8), layout="constrained", height_ratios=[4, 4, 5]
)
some, n = X_test[:10], 10
for column, (name, model) in zip(
    axes.T, {"deviation learnt": learnt, "deviation 1": unit}.items(), strict=True
):
    draws = [model.reconstruct(some, sample=True, random_state=s) for s in (0, 1)]
    rows = [*some, *model.reconstruct(some), *draws[0], *draws[1]]
    title = f"{name}: images, posterior means, two draws"
    show_images(column[0], rows, shape, n, title)
    new = model.sample(4 * n, random_state=0, mean=True)
    show_images(column[1], new, shape, n, "drawn from the prior")
    history = model.history_
    column[2].plot(history["loss"], label="training, with the KL term warming up")
    column[2].plot(history["validation_loss"], label="held out", linestyle="--")
    column[2].set(xlabel="epoch", ylabel="negative bound (nats an image)")
    column[2].legend(frameon=False)
    column[2].spines[["top", "right"]].set_visible(False)
plt.show()
