"""Decide with lookup tables: no torch, no streamlit, standard library and jsonschema."""

__all__: list[str] = []
