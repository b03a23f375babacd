"""From the model to what Asterisk and the checker read: dialplan, source map, modules, script. Pure."""
