"""Plotly figures; the report embeds them and the page shows them."""
