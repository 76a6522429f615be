"""Charts of the savings pages: drawn on the server by pygal, coloured by static/reports.css, each with its figures as a table."""

import sys

import pygal

# It leaves a finder for its maps behind, of a kind that Python 3.11 warns about at every later import that finds nothing.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
