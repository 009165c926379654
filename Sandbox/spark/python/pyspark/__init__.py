"""Stands in for PySpark: the few members that the jobs use, with PySpark's names and meaning, on DuckDB."""
__version__ = "3.5.0+duckdb"
