"""The Python library: what `import tl_core` offers to a script or a notebook: the studies and ids
of the page.
"""
