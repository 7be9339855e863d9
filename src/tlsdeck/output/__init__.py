"""Printers: whoever has `show(event)`. Each turns the events it knows into text on a stream and ignores the rest."""
