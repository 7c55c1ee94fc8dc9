from dataclasses import replace
from types import ModuleType

import pytest
from harness import FakeContext

from aqm_runner.modelopt.progress import Progress, check_progress
from aqm_runner.runner.failures import RunnerError
from aqm_runner.scoring.gates import check_groups
from aqm_runner.scoring.table import Group


def group(*modules: str, enabled: bool = True, score: float | None = 1.0, executions: int = 2):
    return Group(modules[0], modules, 8, enabled, score if enabled else 0.0, executions)


def model(language: float = 1.0, vision: float = 1.0, head: bool = True) -> list[Group]:
    groups = []
    for layer in (0, 1):
        base = f"model.language_model.layers.{layer}"
        attention = [f"{base}.self_attn.{name}_proj" for name in "qkv"]
        groups += [
            group(*attention, score=language),
            group(f"{base}.mlp.down_proj", score=language),
            group(f"model.visual.blocks.{layer}.attn.proj", score=vision),
        ]
    return [*groups, group("lm_head", enabled=head)]


def check(groups: list[Group], include_lm_head: bool = True, quantized: list[str] | None = None):
    modules = [module for entry in groups for module in entry.modules]
    check_groups(groups, quantized or modules, include_lm_head, "FP8")


def with_first(**changes: object) -> list[Group]:
    first, *rest = model()
    return [replace(first, **changes), *rest]


def test_a_sound_table_passes():
    check(model())
    check(model(head=False), include_lm_head=False)
    check(with_first(score=0.0))


@pytest.mark.parametrize(
    ("groups", "reason", "words"),
    [
        (with_first(executions=0), "not_exercised", "layers.0.self_attn.q_proj"),
        (with_first(score=None), "not_exercised", "layers.0.self_attn.q_proj"),
        (with_first(score=float("nan")), "non_finite_score", "nan"),
        (with_first(score=float("inf")), "non_finite_score", "inf"),
        (model(language=0.0), "family_at_zero", "'language'"),
        (model(vision=0.0), "family_at_zero", "'vision'"),
        (
            [replace(g, score=0.0) if "down_proj" in g.name else g for g in model()],
            "family_at_zero",
            "'language down_proj'",
        ),
        ([replace(g, score=0.0) for g in model()], "all_zero", "FP8"),
        (model(head=False), "lm_head_mismatch", "not scored"),
        (model()[:-1], "lm_head_mismatch", "not scored"),
    ],
)
def test_a_table_that_lies_is_refused(groups, reason, words):
    with pytest.raises(RunnerError) as caught:
        check(groups)
    assert (caught.value.class_, caught.value.reason) == ("gate_failed", reason)
    assert words in caught.value.message
    assert caught.value.next_step


def test_lm_head_scored_against_the_request_is_refused():
    with pytest.raises(RunnerError, match="lm_head_mismatch"):
        check(model(), include_lm_head=False)


@pytest.mark.parametrize("change", [lambda names: names[1:], lambda names: [*names, "extra"]])
def test_groups_that_are_no_partition_are_refused(change):
    modules = [module for entry in model() for module in entry.modules]
    with pytest.raises(RunnerError, match="partition_mismatch"):
        check(model(), quantized=change(modules))


def test_a_module_in_two_groups_is_refused():
    modules = [module for entry in model() for module in entry.modules]
    with pytest.raises(RunnerError, match="partition_mismatch"):
        check([*model(), group("lm_head")], quantized=modules)


@pytest.mark.parametrize(
    "loops",
    [
        [("calibrate", 3, 4), ("score", 2, 2)],
        [("calibrate", 4, 4), ("score", 1, 2)],
        [("calibrate", 4, 4), ("score", 1, 1)],
        [("score", 2, 2)],
        [("calibrate", 4, 4)],
        [],
    ],
)
def test_a_loop_cut_short_is_refused(loops):
    with pytest.raises(RunnerError, match="progress_short"):
        check_progress(loops, walks=1, score_steps=2)


def test_full_loops_pass_also_when_an_algorithm_walks_the_data_twice():
    check_progress([("calibrate", 4, 4), ("score", 2, 2)], 1, 2)
    check_progress([("calibrate", 1, 1), ("calibrate", 1, 1), ("score", 2, 2)], 1, 2)
    check_progress([("score", 2, 2)], 0, 2)


def test_the_bar_counts_finished_steps_and_gives_the_module_its_own_back():
    context = FakeContext()
    progress = Progress(context)
    module = ModuleType("library")
    module.tqdm = original = object()
    with progress.installed(module):
        assert list(module.tqdm(zip(range(3), "ab", strict=False), desc="Calibrating", total=3))
    assert module.tqdm is original
    assert progress.listening
    assert progress.loops == [("calibrate", 2, 3)]
    assert (context.phases, context.steps) == ([("calibrate", 3)], [1, 2])


def test_a_library_without_a_bar_is_noticed():
    context = FakeContext()
    progress = Progress(context)
    with progress.installed(ModuleType("library")):
        pass
    assert not progress.listening
    check_progress([("all", 6, 6)], True, 2)
    with pytest.raises(RunnerError, match="progress_short"):
        check_progress([("all", 5, 6)], True, 2)
    assert context.warnings == ["no_progress"]
