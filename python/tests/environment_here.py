"""In which of aqm's environments the tests run."""

from importlib.util import find_spec

# Environments that one package tells from all others.
OF_ONE_PACKAGE = {
    "vllm": "vllm",
    "inc": "neural_compressor",
    "autoround": "auto_round",
    "modelopt": "modelopt",
    "tables": "pyarrow",
}
# Environments that only `npm run test:engines` makes: scripts/engines.mjs.
OF_ENGINES = ["autoround", "inc"]


def environment_here() -> str:
    """Returns the name of the environment that this interpreter belongs to, by what it has."""
    for name, package in OF_ONE_PACKAGE.items():
        if find_spec(package):
            return name
    return "torch" if find_spec("torch") else "data"
