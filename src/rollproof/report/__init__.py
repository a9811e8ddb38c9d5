"""Shows verdicts: text for people, one JSON object a line for programs, HTML for notebooks."""
