"""The embedded demo service: Seedream's wire format on loopback, pictures painted on the spot, nothing billed.

`server.start()` gives its base URL; `python -m seedream_magic.demo` runs it alone. It needs tornado and Pillow.
"""
