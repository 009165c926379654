"""Hadoop's FileSystem as PySpark jobs reach it, spark.sparkContext._jvm.org.apache.hadoop.fs, on the stand-in's storage."""
from types import SimpleNamespace

from standin import storage


class Path:
    def __init__(self, url):
        self.url = str(url)

    def getFileSystem(self, _):  # noqa: N802
        return FileSystem()

    def getName(self):  # noqa: N802
        return self.url.rstrip("/").rsplit("/", 1)[-1]


class FileStatus:
    def __init__(self, path, length):
        self._path, self._length = path, length

    def getPath(self):  # noqa: N802
        return self._path

    def getLen(self):  # noqa: N802
        return self._length

    def isFile(self):  # noqa: N802
        return True


class FileSystem:
    def exists(self, path):
        return storage.exists(path.url)

    def listStatus(self, path):  # noqa: N802
        """Files directly in a folder; folders are left out, since nobody here asks for them."""
        return [
            FileStatus(Path(f"{path.url.rstrip('/')}/{name}"), length)
            for name, length in storage.list_files(path.url) if "/" not in name]

    def create(self, path, overwrite):
        if not overwrite and storage.exists(path.url):
            raise FileExistsError(path.url)
        return _Stream(path.url)


class _Stream:
    def __init__(self, url):
        self._url, self._content = url, bytearray()

    def write(self, content):
        self._content += content

    def close(self):
        storage.put_bytes(self._url, bytes(self._content))


class Context:
    def __init__(self):
        self._jvm = SimpleNamespace(org=SimpleNamespace(apache=SimpleNamespace(hadoop=SimpleNamespace(fs=SimpleNamespace(Path=Path)))))
        self._jsc = SimpleNamespace(hadoopConfiguration=lambda: None)

    def setLogLevel(self, _):  # noqa: N802
        pass
