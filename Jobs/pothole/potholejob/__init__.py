"""Shared by the stages: options, SQL files, storage. Plain Python 3.8 and PySpark 3.5 or later; nothing runs on executors."""
