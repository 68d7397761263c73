"""Where labels of points go so that none covers another."""

import numpy as np

# Where a label lies about its point, tried in this order: -1 is left or below, 1 right
# or above.
_PLACES = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]


def place_labels(points, sizes, bounds, *, gap=4.0, obstacles=(), on_points=False):
    """Place labels beside or on their points, the first ones first.

    Parameters
    ----------
    points : array of shape (n_labels, 2)
        Points to be labelled, the most important first.
    sizes : array of shape (n_labels, 2)
        Widths and heights of the labels, in the unit of the points.
    bounds : tuple of 4 floats
        Left, bottom, right and top of the area that labels stay in.
    gap : float or array of shape (n_labels,)
        Distance from a point to its label; failing that, twice and four times it.
    obstacles : array of shape (n_obstacles, 4)
        Boxes, as `bounds`, that labels must not cover.
    on_points : bool
        Whether labels lie on their points where there is room.

    Returns
    -------
    centres : array of shape (n_labels, 2)
        NaN of a label that there is no room for.
    """
    taken = np.empty((len(obstacles) + len(points), 4))
    taken[: len(obstacles)] = np.reshape(obstacles, (-1, 4))
    n_taken = len(obstacles)
    centres = np.full((len(points), 2), np.nan)
    gaps = np.broadcast_to(gap, len(points))
    for i, (point, size, gap) in enumerate(zip(points, sizes, gaps)):
        for distance in (gap, 2 * gap, 4 * gap):
            for place in [(0, 0)] * on_points + _PLACES:
                centre = point + np.multiply(place, size / 2 + distance)
                box = np.concatenate([centre - size / 2, centre + size / 2])
                inside = (box[:2] >= bounds[:2]).all() and (box[2:] <= bounds[2:]).all()
                others = taken[:n_taken]
                apart = (others[:, :2] >= box[2:]) | (others[:, 2:] <= box[:2])
                if inside and apart.any(axis=1).all():
                    break
            else:
                continue
            taken[n_taken], centres[i] = box, centre
            n_taken += 1
            break
    return centres
