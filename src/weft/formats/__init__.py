"""Text and binary formats: bytes in, values out. No file is opened here."""
