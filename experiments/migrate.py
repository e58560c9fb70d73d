"""Rewrites the records of the first version, each after asking the old rule whether it is fresh.

    python -m experiments.migrate OLD      OLD: a checkout of the last commit with the old rule

Old records named the files they rest on, and one hash. The new ones have a hash for each function,
the data they read, and what their witness says. A record that is stale by the old rule is refused.
"""

import json
import subprocess
import sys
from pathlib import Path

from experiments import attest
from unrolled import records

FRESH = """
import json
from experiments import all as experiments
from unrolled import records
print(json.dumps({name: records.is_stale(records.load(name)) for name in experiments.EXPERIMENTS}))
"""


def main(old):
    """Migrates all records, or none if one of them is stale by the old rule or changed since."""
    old = Path(old)
    asked = subprocess.run(
        [sys.executable, "-c", FRESH], cwd=old, env={"PYTHONPATH": f"{old / 'code'}:{old}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    stale = json.loads(asked.stdout)
    assert not any(stale.values()), [name for name, is_stale in stale.items() if is_stale]
    for name, module in records.scripts().items():
        path = records.FOLDER / f"{name}.json"
        if name not in stale or "code_hash" not in (record := json.loads(path.read_text())):
            continue
        assert path.read_bytes() == (old / "results" / f"{name}.json").read_bytes(), name
        files = [p for p in record.pop("code") if p.startswith("results/")]
        del record["code_hash"]
        results = record.pop("results")
        script = records.ROOT / f"{module.replace('.', '/')}.py"
        seen = attest.in_a_process(name) if "def witness(" in script.read_text() else None
        house = records.begin(name).house
        record["code"] = house.rests_on(name, seen.entered if seen else None)
        record["data"] = {p: records.file_digest(p) for p in files}
        if seen:
            record["witness"] = {"losses": seen.losses, "entered": seen.entered}
        records.save(record | {"results": results})
        losses = len(seen.losses) if seen else "no"
        print(f"{name}: rests on {len(record['code'])} pieces, {losses} losses", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
