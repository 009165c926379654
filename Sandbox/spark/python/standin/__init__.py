"""What the stand-in for a Spark installation is made of: DuckDB, storage, a master that answers, spark-submit."""
