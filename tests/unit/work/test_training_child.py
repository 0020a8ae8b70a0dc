"""What the training child tells its parent."""

import io

from openpersonalize.work.training_child import Reporter


def test_the_times_of_a_search_are_one_phase_however_many_trials_it_has() -> None:
    answers = io.StringIO()
    reporter = Reporter(answers)
    for phase in ("loading", *(f"tuning, {done} of 40 trials done" for done in range(40)), "training"):
        reporter.progress(phase, 1.0)

    assert set(reporter.phases_s) == {"starting", "loading", "tuning"}
    assert '["tuning, 39 of 40 trials done", 1.0]' in answers.getvalue()
