"""Judges executions: one attack family a file, each check pure; what the source cannot show is `unknown`."""
