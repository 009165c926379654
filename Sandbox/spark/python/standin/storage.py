"""Files by URL: s3a:// through boto3 (AWS_ENDPOINT_URL and the usual credentials), anything else on this machine."""
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

_client = None


def _s3():
    global _client
    if _client is None:
        import boto3  # half a second, which only S3 costs

        _client = boto3.client(
            "s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
            region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))
    return _client


def is_s3(url):
    return str(url).startswith(("s3a://", "s3://"))


def _bucket_and_key(url):
    parts = urlsplit(url)
    return parts.netloc, parts.path.lstrip("/")


def local(url):
    """The path of a URL of this machine."""
    return Path(str(url).removeprefix("file://"))


def list_files(url):
    """Names relative to a folder, with their length in bytes, in order; below sub-folders too. A file lists itself by its name."""
    if is_s3(url):
        bucket, key = _bucket_and_key(url)
        folder = key.rstrip("/") + "/" if key.rstrip("/") else ""
        pages = _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key.rstrip("/"))
        found = {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}
        if key in found and not key.endswith("/"):
            return [(key.rsplit("/", 1)[-1], found[key])]
        return sorted((name[len(folder):], size) for name, size in found.items() if name.startswith(folder) and not name.endswith("/"))
    path = local(url)
    if path.is_file():
        return [(path.name, path.stat().st_size)]
    return sorted((str(file.relative_to(path)), file.stat().st_size) for file in path.rglob("*") if file.is_file())


def exists(url):
    """Whether there is a file or a folder that holds one."""
    if is_s3(url):
        return bool(list_files(url))
    return local(url).exists()


def fetch(url, name, folder):
    """A file of this machine with the content of NAME in URL, or of URL itself when it is that file."""
    if not is_s3(url):
        path = local(url)
        return path if path.is_file() else path / name
    bucket, key = _bucket_and_key(url)
    if key.rsplit("/", 1)[-1] != name:
        key = f"{key.rstrip('/')}/{name}"
    target = folder / f"in-{abs(hash((bucket, key)))}" / Path(name).name
    target.parent.mkdir(parents=True, exist_ok=True)
    _s3().download_file(bucket, key, str(target))
    return target


def put_file(url, file):
    """Stores a file of this machine under a URL."""
    if is_s3(url):
        bucket, key = _bucket_and_key(url)
        _s3().upload_file(str(file), bucket, key)
        return
    local(url).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, local(url))


def put_bytes(url, content):
    """Stores bytes under a URL; what was there is replaced."""
    if is_s3(url):
        bucket, key = _bucket_and_key(url)
        _s3().put_object(Bucket=bucket, Key=key, Body=content)
        return
    local(url).parent.mkdir(parents=True, exist_ok=True)
    local(url).write_bytes(content)


def delete_folder(url):
    """Removes everything below a URL, as mode overwrite does."""
    if is_s3(url):
        bucket, key = _bucket_and_key(url)
        folder = key.rstrip("/")
        if not folder:
            raise ValueError(f"{url} is a whole bucket; it is not deleted.")
        names = [f"{folder}/{name}" for name, _ in list_files(url.rstrip("/") + "/")]
        for first in range(0, len(names), 1000):
            _s3().delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names[first:first + 1000]], "Quiet": True})
        return
    shutil.rmtree(local(url), ignore_errors=True)
