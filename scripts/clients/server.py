"""`stepwell dev` with an empty folder, kept in memory: a server of one's own for a test."""

import os
import socket
import subprocess
import tempfile
import time

DEADLINE_SECONDS = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Runs while the `with` block does. STEPWELL names the binary."""

    def __enter__(self):
        self.work = tempfile.TemporaryDirectory(prefix="stepwell-clients-")
        self.port = free_port()
        self.log = open(os.path.join(self.work.name, "server.log"), "wb")
        folder = os.path.join(self.work.name, "empty")
        os.mkdir(folder)
        command = [os.environ["STEPWELL"], "dev", folder, "--ephemeral", "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        end = time.monotonic() + DEADLINE_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server did not come up:\n{self.log_text()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("SIGTERM did not end the server") from None
        finally:
            self.log.close()
            self.work.cleanup()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            return True
        except OSError:
            return False

    def log_text(self):
        with open(os.path.join(self.work.name, "server.log"), errors="replace") as log:
            return log.read()[-4000:]
