#!/usr/bin/env python3
"""Packs what fuzzing found into fuzz/found/TARGET.jsonl, one JSON string a line, and unpacks it into a corpus.

    fuzz/found.py pack TARGET DIR      the inputs in DIR that are text of at most 256 bytes
    fuzz/found.py unpack TARGET DIR
"""

import hashlib
import json
import pathlib
import sys

MOST = 256


def main(action, target, directory):
    packed = pathlib.Path(__file__).parent / "found" / f"{target}.jsonl"
    directory = pathlib.Path(directory)
    if action == "unpack":
        for line in packed.read_text(encoding="utf-8").splitlines():
            data = json.loads(line).encode()
            (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)
        return
    lines = set()
    for path in directory.iterdir():
        data = path.read_bytes()
        if len(data) > MOST:
            continue
        try:
            lines.add(json.dumps(data.decode(), ensure_ascii=True))
        except UnicodeDecodeError:
            pass  # the targets refuse what is not text at once
    packed.write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
