"""Charts as geometry: numbers here, SVG in templates/kit/charts; the same in a page, a mail and a PDF."""
