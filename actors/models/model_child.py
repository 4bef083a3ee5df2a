"""The process of the embedded model: llama.cpp's own server, alive as long as its standard input is open.

Started by `actors.models.embedded` as a file of its own, so it imports nothing of ours. Its first line on
standard output is JSON: `base_url`, `key` and `model`, or `error`.
"""

import argparse
import importlib
import json
import os
import secrets
import sys
import threading
from typing import Any

EXIT_BAD_MODEL = 3
BATCH = 256
"""Tokens of prompt per step: larger ones hold up the other streams for seconds."""

CACHE_MIB = 64
"""Prompt cache; the default grows to 8 GB."""

SILENT = -1


def main() -> None:
    """Load the model, say where it listens, serve until nobody holds our standard input any more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--context", type=int, required=True, help="tokens, split among the slots")
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    options = parser.parse_args()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _serve(options)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        _say({"error": f"{type(error).__name__}: {error}"})
        os._exit(EXIT_BAD_MODEL)


def _serve(options: argparse.Namespace) -> None:
    xllamacpp: Any = importlib.import_module("xllamacpp")
    key = secrets.token_hex(16)
    server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), options, key))
    answer = server.handle_completions({"prompt": "a", "max_tokens": 1})
    if "error" in answer:
        raise RuntimeError(str(answer["error"]))
    _say({"base_url": f"{server.listening_address}/v1", "key": key, "model": options.name})
    threading.Event().wait()


def _parameters(params: Any, options: argparse.Namespace, key: str) -> Any:
    params.model.path = options.gguf
    params.model_alias = {options.name}
    params.n_ctx, params.n_parallel = options.context, options.slots
    params.n_batch = params.n_ubatch = BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.cache_ram_mib = CACHE_MIB
    params.ui = params.endpoint_slots = False
    params.cors_origins = ""
    params.verbosity = SILENT
    params.offline = True
    params.api_keys = [key]
    return params


def _end_with_parent() -> None:
    """End at once, without destructors: taking a fresh server down can deadlock."""
    sys.stdin.buffer.read()
    os._exit(0)


def _say(line: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
