"""Parts of the stand-in for a Spark installation: DuckDB, storage, a master that answers, spark-submit."""
