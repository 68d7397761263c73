"""Networks, likelihoods and the objective: torch alone, nothing of scikit-learn.

Modules return distributions and know nothing of fitting. Initial weights come from the
generator given to the constructor, noise from the generator given to ``forward``:
torch's global generator is never touched. Dropout and batch statistics act in
training mode alone.
"""
