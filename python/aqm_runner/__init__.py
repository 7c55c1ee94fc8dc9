"""The runner of aqm: reads requests on standard input, answers with events and files."""
