"""How Sphinx builds the site: `make docs`. The notebooks are run on the demo, so every picture is a live carousel."""

from __future__ import annotations

from seedream_magic import __version__
from seedream_magic.notebook.desk import Settings

project = "seedream-magic"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "seedream-magic"
exclude_patterns = ["seedream-runs"]
myst_enable_extensions = ["colon_fence", "substitution"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = False  # a notebook shows a refused frame, and goes on
smartquotes = False  # options begin with two hyphens
default_role = "literal"  # docstrings are Markdown's
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
suppress_warnings = ["misc.highlighting_failure"]  # cells of %%seedream are prose, in whatever language


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown; a bar in a cell would end it."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


myst_substitutions = {
    "settings": table(
        ("setting", "meaning"),
        [
            (f"`SeedreamMagics.{name}`", str(trait.help))
            for name, trait in sorted(Settings.class_traits(config=True).items())
        ],
    ),
}
