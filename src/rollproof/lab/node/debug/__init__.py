"""The debug namespace: witnesses, raw forms and traces. Source: execution-apis; geth, "debug namespace"."""
