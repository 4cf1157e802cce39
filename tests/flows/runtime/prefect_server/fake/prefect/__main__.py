"""`python -m prefect server start --host H --port P`: says that it is well, and nothing else."""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, *args: object) -> None: ...


if __name__ == "__main__":
    if os.environ.get("FAKE_PREFECT_BREAKS"):
        sys.exit("the database is broken")
    time.sleep(float(os.environ.get("FAKE_PREFECT_SLOWLY", "0")))
    options = dict(zip(sys.argv[3::2], sys.argv[4::2], strict=False))
    ThreadingHTTPServer((options["--host"], int(options["--port"])), Health).serve_forever()
