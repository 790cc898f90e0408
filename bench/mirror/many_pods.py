"""A Kubernetes API that lists COUNT pods, 3.9 KB of JSON each, in pages, and whose watches stay silent.

Usage: many_pods.py COUNT. Prints its port, then serves until it is killed. Nobody listens at the pods' addresses.
"""

import http.server
import json
import sys
import time
import urllib.parse

COUNT = int(sys.argv[1])
VERSION = "99999"


def pod(i):
    """One replica of a hundred, with what a real one has and the adapter does not keep."""
    port = {"name": "leadline", "containerPort": 9733}
    return {
        "metadata": {
            "name": f"llm-7f9c-{i:05}",
            "namespace": f"ns{i % 20}",
            "uid": f"uid-{i:032}",
            "labels": {"app": f"llm-{i % 100}", "pod-template-hash": "7f9c", "zone": "a"},
            "annotations": {"note": "y" * 300},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"llm-{i % 100}-7f9c", "controller": True}
            ],
            "managedFields": [{"manager": "kubelet", "fieldsV1": {f"f:k{k}": {} for k in range(40)}}],
        },
        "spec": {
            "nodeName": f"node-{i % 400}",
            "containers": [{"name": "engine", "env": [{"name": f"VAR_{k}", "value": "x" * 40} for k in range(30)]}],
            "initContainers": [{"name": "leadline", "restartPolicy": "Always", "ports": [port]}],
        },
        "status": {
            "phase": "Running",
            "podIP": f"127.9.{i // 250}.{1 + i % 250}",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


PODS = [json.dumps(pod(i)) for i in range(COUNT)]


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = urllib.parse.parse_qs(url.query)
        if "watch" in query:
            self.send_response(200)
            self.end_headers()
            time.sleep(600)
        elif url.path.split("/")[-1] in ("pods", "nodes", "services", "configmaps"):
            items = PODS if url.path == "/api/v1/pods" else []
            begin = int(query.get("continue", ["0"])[0])
            end = begin + int(query.get("limit", ["500"])[0])
            metadata = {"resourceVersion": VERSION} | ({"continue": str(end)} if end < len(items) else {})
            page = ",".join(items[begin:end])
            self.answer(200, f'{{"metadata":{json.dumps(metadata)},"items":[{page}]}}'.encode())
        else:
            self.answer(404, b"{}")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer(201, b"{}")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
