"""From text to the model: reader, parser, syntax tree, resolver, checks. Pure: no file is opened here."""
