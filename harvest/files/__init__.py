"""Files that databases and reference managers export: sniffed by content, read by pure parsers."""
