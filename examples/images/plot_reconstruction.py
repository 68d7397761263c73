"""
Image reconstruction and generation
===================================

A Gaussian variational autoencoder finds the standard deviation of its pixels along with
everything else. With a deviation of 1, which makes the loss the squared error plus
twice the KL term, a code can hardly pay for itself: images are blurred and new ones
alike.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import ReconstructionDisplay, TrainingCurveDisplay, draw_images

# %%
# Both models: 10 latent dimensions, one hidden layer. Early stopping holds out a tenth
# of the images, whose loss `history_` then has beside that of training.
digits = fetch_example_images()
X, y = digits.data[:8000], digits.target[:8000]
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
figure, axes = plt.subplots(3, 2, figsize=(14, 8), layout="constrained")
for column, (name, model) in zip(
    axes.T, {"deviation learnt": learnt, "deviation 1": unit}.items(), strict=True
):
    ReconstructionDisplay.from_estimator(
        model, X_test, n_images=12, n_draws=2, random_state=0, ax=column[0]
    )
    column[0].set_title(name, loc="left", fontweight="bold")
    new = model.sample(48, random_state=0, mean=True)
    draw_images(new, n_columns=12, title="drawn from the prior", ax=column[1])
    TrainingCurveDisplay.from_estimator(model, ax=column[2])
plt.show()
