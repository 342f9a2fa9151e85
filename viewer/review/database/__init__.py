"""The record of the second reader: events that are only ever appended, chained by digest, in one database."""
