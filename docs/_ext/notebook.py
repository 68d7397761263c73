"""The page of first steps as a notebook, for the site to offer."""

import re
from pathlib import Path

from sphinx_gallery.notebook import (
    add_code_cell,
    add_markdown_cell,
    jupyter_notebook_skeleton,
    save_notebook,
)

# Of what a block prints the notebook makes its own.
_BLOCK = re.compile(r"^```(python|none|text)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_TO_PAGE = re.compile(r"\[([^]]+)\]\((?!https?:)[^)]+\)")


def write_notebook(page, path):
    """Write a page's Python blocks as code, and what is between them as Markdown."""
    notebook, end = jupyter_notebook_skeleton(), 0
    text = page.read_text(encoding="utf-8")
    for block in [*_BLOCK.finditer(text), None]:
        prose = text[end : None if block is None else block.start()].strip()
        if prose:  # where a notebook lies there are no pages
            add_markdown_cell(notebook, _TO_PAGE.sub(r"\1", prose))
        if block is not None:
            end = block.end()
            if block[1] == "python":
                add_code_cell(notebook, block[2].rstrip())
    path.parent.mkdir(exist_ok=True)
    save_notebook(notebook, path)


def write_first_steps(app):
    """Write the notebook where the first page looks for it."""
    folder = Path(app.srcdir)
    notebook = folder / "generated" / "getting_started.ipynb"
    write_notebook(folder / "getting_started.md", notebook)


def setup(app):
    """Write the notebook before pages are read."""
    app.connect("builder-inited", write_first_steps)
    return {"parallel_read_safe": True}
