"""A local server that speaks the hub's language."""

import hashlib
import json

from web import Asked, Web, etag

REVISION = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "owner/tiny-model"
WEIGHTS = bytes(range(256)) * 100
FILES = {
    "config.json": b'{"model_type": "tiny"}\n',
    "model.safetensors": WEIGHTS,
    "merges.txt": b"a b\n",
    "README.md": b"# Not what a model computes with\n",
    "original/weights.bin": b"x" * 1000,
}
INCLUDE = ["*.json", "*.safetensors", "merges.txt"]


def resolve(name: str) -> str:
    return f"/{REPOSITORY}/resolve/{REVISION}/{name}"


class HubWeb:
    """The hub's tree and its files; large ones lie on another host, as the real ones do."""

    def __init__(self, web: Web, store: Web) -> None:
        self.web, self.store = web, store
        """`lie` has other digests by file name, `more` further entries of the list."""
        self.gated = False
        self.lie: dict[str, str] = {}
        self.more: list[object] = []
        web.answers[f"/api/models/{REPOSITORY}/tree/{REVISION}"] = self.tree
        for name, content in FILES.items():
            if name.endswith((".safetensors", ".bin")):
                store.files[f"/blobs/{name}"] = content
                web.answers[resolve(name)] = self.away(name)
            else:
                web.files[resolve(name)] = content

    def tree(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if self.gated and asked.headers.get("authorization") != "Bearer right":
            status = 401 if "authorization" not in asked.headers else 403
            return status, {"X-Error-Code": "GatedRepo"}, b"{}"
        entries = [self.entry(name, content) for name, content in FILES.items()]
        entries.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": "original"})
        entries += self.more
        return 200, {"Content-Type": "application/json"}, json.dumps(entries).encode()

    def entry(self, name: str, content: bytes) -> dict:
        header = f"blob {len(content)}\0".encode()
        entry = {
            "type": "file",
            "oid": self.lie.get(name, hashlib.sha1(header + content).hexdigest()),
            "size": len(content),
            "path": name,
        }
        if name.endswith((".safetensors", ".bin")):
            sha256 = self.lie.get(name, hashlib.sha256(content).hexdigest())
            entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
        return entry

    def away(self, name: str):
        def answer(asked: Asked) -> tuple[int, dict[str, str], bytes]:
            if self.gated and asked.headers.get("authorization") != "Bearer right":
                return 403, {"X-Error-Code": "GatedRepo"}, b"{}"
            headers = {
                "Location": f"{self.store.url}/blobs/{name}?signature=once",
                "X-Repo-Commit": REVISION,
                "X-Linked-Size": str(len(FILES[name])),
                "X-Linked-Etag": etag(FILES[name]),
            }
            return 302, headers, b""

        return answer
