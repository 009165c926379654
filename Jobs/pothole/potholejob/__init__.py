"""Shared by the stages: options, SQL files, storage. Plain Python 3.8 and PySpark 3.4 or later; nothing runs on executors."""
