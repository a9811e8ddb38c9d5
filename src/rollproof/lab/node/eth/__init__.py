"""The eth namespace: what every execution client serves. Source: execution-apis."""
