"""The Streamlit explorer of lookup tables; it never imports torch."""

__all__: list[str] = []
