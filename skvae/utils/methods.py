"""Methods that bear the name of the class that users wrote."""

import inspect
from types import FunctionType


class OwnMethods:
    """First base of classes that have copies of the methods that they inherit.

    Python names them in its errors: "GSMTopicModel.fit() got an unexpected keyword
    argument" rather than a base class that nobody wrote. `TransformerMixin`, which
    wraps what a class holds, has to come after it.
    """

    def __init_subclass__(cls, **kwargs):
        rename_inherited(cls)
        super().__init_subclass__(**kwargs)


def rename_inherited(cls):
    """Give a class of this package copies of the methods that it inherits within it.

    Classes of others, which may have no module to be pickled by, stay as they are.
    """
    if not cls.__module__.startswith("skvae."):
        return
    for name in dir(cls):
        found = inspect.getattr_static(cls, name)
        of_class = isinstance(found, classmethod)
        method = inspect.unwrap(found.__func__ if of_class else found)
        ours = inspect.isfunction(method) and method.__module__.startswith("skvae.")
        if ours and not name.startswith("_") and name not in vars(cls):
            copy = renamed(method, cls)
            setattr(cls, name, classmethod(copy) if of_class else copy)


def renamed(method, cls):
    """A copy of a method as if it were defined in a class."""
    copy = FunctionType(
        method.__code__,
        method.__globals__,
        method.__name__,
        method.__defaults__,
        method.__closure__,
    )
    copy.__kwdefaults__, copy.__doc__ = method.__kwdefaults__, method.__doc__
    copy.__module__ = cls.__module__
    copy.__qualname__ = f"{cls.__qualname__}.{method.__name__}"
    return copy
