"""Accuracy against budget on a pilot section: what to try, and what came out."""

import streamlit as st

from pages import _state
from pages._running import section_of
from pages._start import start_study
from s2s_core.data.section import MIN_MEASURED, Section
from s2s_core.errors import S2SError
from s2s_core.jobs import jobs, runner
from s2s_core.jobs.studies import plan_of, plan_task, widen
from s2s_core.output.charts import budget_curves
from s2s_core.output.file_names import download_name
from s2s_core.output.maps import mask_map
from s2s_core.sampling.pilot import check_size
from s2s_core.sampling.registry import BUDGETED, DESIGNS
from s2s_core.studies.budget_curve import Cost, Goal
from s2s_core.studies.budget_study import only_measured
from s2s_core.studies.cases import mark_of_cases, read_about
from s2s_core.studies.outcome import Outcome, outcome, patterned_genes
from s2s_core.studies.plan import (
    DRAFT,
    FINAL,
    HOW_TO_WRITE,
    LARGEST_BUDGET,
    Plan,
    budgets_text,
    first_budgets,
    in_percent,
    read_budgets,
    smallest_budget,
)

LABELS = {name: design.label for name, design in DESIGNS.items()}
ENGINES = {
    DRAFT: "Draft: kriging of gene programmes, seconds a case",
    FINAL: "Final: Sparser2Sparse, a run a case",
}
# Designs that must be told what to follow have no place in an equal contest.
TOLD = ("density", "region")
# What the files are, by the names that the text calls them by.
FILES = {
    "mask.csv": "{called} spots",
    "recommendation.md": "this text",
    "curve.csv": "scores by budget",
    "genes.csv": "scores by gene",
}
ROW = "A line of the array with any measured spot, such as a channel of a microfluidic chip."
REGION = (
    "A group of measured spots that touch each other, as one field of view would take them in. "
    "Spots that lie apart are one region each."
)
# Goals and states of studies whose outcome is kept.
KEPT = 8
SCORES = {"reached": "Genes that reach it", "pcc": "PCC", "rmse": "RMSE"}


def plan_form(section: Section) -> None:
    """What is tried on the pilot, and the start button."""
    st.write(
        "The open section is the pilot: its spots are thinned out by different designs and "
        "budgets, imputed, and compared with what was measured. That tells how few spots a "
        "section of this tissue needs."
    )
    names = designs_for(section)
    first = [
        n for n in Plan().designs if n in names and (n != "active" or section.n_positions < 3000)
    ]
    designs = st.multiselect(
        "Designs", names, default=first, format_func=LABELS.__getitem__, key="plan_designs"
    )
    n_spots = int(section.measured.sum())
    written = ask_budgets(n_spots)
    one, two = st.columns(2)
    seeds = one.number_input(
        "Draws of each",
        1,
        10,
        3,
        key="plan_seeds",
        help="Random designs are drawn anew, periodic ones shifted.",
    )
    engine = two.selectbox(
        "Imputed by", list(ENGINES), format_func=ENGINES.__getitem__, key="plan_engine"
    )
    plan, wrong = None, ""
    try:
        check_size(section)
        plan = Plan(tuple(designs), read_budgets(written, n_spots), int(seeds), engine)
        plan.check(section)
    except S2SError as error:
        wrong = str(error)
    if plan is None or wrong:
        st.warning(wrong)
    else:
        st.caption(how_many(plan))
    pressed = st.button("Start", type="primary", key="plan_start", disabled=bool(wrong))
    if pressed and plan is not None:
        try:
            start_study(section, "Plan", "plan", plan_task(plan))
        except S2SError as error:
            st.error(str(error))
            return
        st.rerun()


def designs_for(section: Section) -> list[str]:
    """Designs that can be tried on a pilot."""
    hexagonal = section.grid.kind == "hex"
    return [n for n in BUDGETED if n not in TOLD and (hexagonal or n != "hexlattice")]


def ask_budgets(n_spots: int) -> str:
    """Shares of the spots to try, as they are typed."""
    st.session_state.setdefault("plan_budgets", budgets_text(first_budgets(n_spots)))
    written = st.text_input("Budgets, % of the spots", key="plan_budgets")
    st.caption(limits_words(n_spots))
    return written


def limits_words(n_spots: int) -> str:
    """How budgets are written, and which can be tested."""
    return (
        f"{HOW_TO_WRITE[0].upper()}{HOW_TO_WRITE[1:]}. Smallest: {100 * smallest_budget(n_spots):.4g} % "
        f"({MIN_MEASURED} of the pilot's {n_spots:,} spots, the fewest that are imputed from). "
        f"Largest: {100 * LARGEST_BUDGET:.0f} %, so that enough is left to score."
    )


def how_many(plan: Plan) -> str:
    """What Start begins, in words."""
    parts = ((len(plan.designs), "design"), (len(plan.budgets), "budget"), (plan.seeds, "draw"))
    product = " x ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in parts)
    shares = ", ".join(in_percent(share).replace("%", " %") for share in plan.budgets)
    return f"{plan.n_cases} cases: {product}, at {shares} of the spots. It can be paused, and widened when it has ended."


def plan_result(study: jobs.Job, state: jobs.State) -> None:
    """Curves of what is finished, the goal, the recommendation and the files."""
    mark = mark_of_cases(study.result)
    if mark is None:
        st.info("The curves appear with the first finished cases.")
        return
    goal = ask_goal(study)
    try:
        found = read_outcome(study.id, mark, goal)
    except S2SError as error:
        # Cases without scores (too few spots) may be all that is finished so far.
        if state.status in jobs.ACTIVE:
            st.info("The curves appear with the first case that can be scored.")
        else:
            st.warning(str(error))
            wider_form(study)
        return
    score = (
        st.segmented_control(
            "Score",
            list(SCORES),
            default="reached",
            format_func=SCORES.__getitem__,
            key="plan_score",
            label_visibility="collapsed",
        )
        or "reached"
    )
    wanted = {"reached": goal.share}.get(score, float("nan"))
    figure = budget_curves(found.curve, score, LABELS, wanted)
    st.plotly_chart(figure, key="plan_curves", config={"displaylogo": False})
    st.caption(
        "Scores at the spots each design hides, log-normalised; bars are 90 % intervals by "
        "bootstrap over genes and draws."
    )
    said, shown = st.columns([3, 2], gap="large")
    with said:
        for sentence in found.sentences:
            st.write("- " + sentence)
        with st.container(horizontal=True):
            for name, what in FILES.items():
                saved = download_name(section_of(study.id), f"plan-{name}")
                st.download_button(
                    f"{name}: {what.format(called=found.called)}",
                    found.files[name],
                    saved,
                    key=f"plan-{name}",
                    on_click="ignore",
                )
    with shown:
        pilot = only_measured(section_of(study.id)).with_measured(found.measured)
        figure = mask_map(pilot, width=420)
        st.plotly_chart(figure, key="plan_map", config={"displaylogo": False})
        st.caption(f"The {found.called} spots on the pilot (mask.csv).")
    if state.status not in jobs.ACTIVE:
        wider_form(study)


def wider_form(study: jobs.Job) -> None:
    """More designs, budgets or draws on the same pilot; finished cases are kept."""
    if not _state.may_change(study):
        return
    plan, section = plan_of(study), only_measured(section_of(study.id))
    n_spots = int(section.measured.sum())
    with st.expander("Widen this plan"):
        st.caption("The cases that are done are kept; only new ones are computed.")
        more = [name for name in designs_for(section) if name not in plan.designs]
        # Begins empty for every plan, and again once it is wider.
        own = f"{study.id}-{plan.n_cases}"
        designs = st.multiselect(
            "Further designs", more, format_func=LABELS.__getitem__, key=f"wider_designs-{own}"
        )
        written = st.text_input(
            "Further budgets, % of the spots",
            key=f"wider_budgets-{own}",
            help=limits_words(n_spots),
        )
        seeds = st.number_input(
            "Draws of each", plan.seeds, max(10, plan.seeds), plan.seeds, key=f"wider_seeds-{own}"
        )
        if st.button("Test these too", key="wider_start"):
            try:
                budgets = read_budgets(written, n_spots) if written.strip() else ()
                widen(study, tuple(designs), budgets, int(seeds))
            except S2SError as error:
                st.error(str(error))
                return
            runner.start(study, resume=True)
            st.rerun()


@st.cache_data(max_entries=KEPT, show_spinner=False)
def read_outcome(study_id: str, mark: tuple[int, int], goal: Goal) -> Outcome:  # noqa: ARG001 - part of the key
    """What is finished of a plan, read once for every new case (``mark``) and goal."""
    study = jobs.find(study_id)
    patterned = read_patterned(study_id)
    return outcome(section_of(study_id), study.result, plan_of(study), goal, patterned)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def read_patterned(study_id: str) -> tuple[str, ...]:
    """Scored genes with a spatial pattern in the pilot of a plan."""
    study = jobs.find(study_id)
    return tuple(patterned_genes(section_of(study_id), read_about(study.result)["genes"]))


def ask_goal(study: jobs.Job) -> Goal:
    """What the plan is to reach, and what measuring costs."""
    one, two, three = st.columns(3)
    threshold = one.slider("A gene must keep a PCC of", 0.1, 0.9, 0.5, 0.05, key="goal_pcc")
    share = two.slider("Share of genes that must", 10, 100, 80, 5, format="%d %%", key="goal_share")
    n_patterned, n_genes = len(read_patterned(study.id)), len(read_about(study.result)["genes"])
    patterned = st.toggle(
        f"Only genes with a spatial pattern ({n_patterned:,} of {n_genes:,})",
        key="goal_patterned",
        disabled=n_patterned == 0,
        help="What counts is Moran's I among the pilot's measured spots. No design can bring back a "
        "gene without a pattern.",
    )
    with three.popover("Costs"):
        st.caption("What measuring one of each costs; 0 where it costs nothing extra.")
        currency = st.text_input("Currency (optional)", key="cost_currency", placeholder="EUR")
        spot = st.number_input("A spot", 0.0, value=0.0, key="cost_spot")
        row = st.number_input("A row of the array", 0.0, value=0.0, key="cost_row", help=ROW)
        region = st.number_input(
            "A region (field of view)", 0.0, value=0.0, key="cost_region", help=REGION
        )
        st.caption(f"Region: {REGION[0].lower()}{REGION[1:]}")
        fixed = st.number_input("The section itself", 0.0, value=0.0, key="cost_fixed")
    cost = Cost(spot, row, region, fixed, currency.strip())
    return Goal(threshold, share / 100, cost, patterned and n_patterned > 0)
