"""Accuracy against budget on a pilot section: what to try, and what came out."""

import streamlit as st

from pages._running import section_of
from pages._start import begin_study
from s2s_core import jobs
from s2s_core.budget import Outcome, outcome
from s2s_core.cases import mark_of_cases
from s2s_core.charts import budget_curves
from s2s_core.curve import Cost, Goal
from s2s_core.errors import S2SError
from s2s_core.masks import BUDGETED, DESIGNS
from s2s_core.names import download_name
from s2s_core.pilot import check_size
from s2s_core.plan import (
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
)  # fmt: skip
from s2s_core.section import MIN_MEASURED, Section
from s2s_core.studies import plan_of, plan_task

LABELS = {name: design.label for name, design in DESIGNS.items()}
ENGINES = {
    DRAFT: "Draft: kriging of gene programmes, seconds a case",
    FINAL: "Final: Sparser2Sparse, a run a case",
}
# Designs that must be told what to follow have no place in an equal contest.
TOLD = ("density", "region")
FILES = {
    "curve.csv": "Curve (CSV)",
    "mask.csv": "Recommended spots (CSV)",
    "genes.csv": "Scores by gene (CSV)",
    "recommendation.md": "Recommendation (text)",
}
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
    hexagonal = section.grid.kind == "hex"
    names = [n for n in BUDGETED if n not in TOLD and (hexagonal or n != "hexlattice")]
    first = [
        n for n in Plan().designs if n in names and (n != "active" or section.n_positions < 3000)
    ]
    designs = st.multiselect(
        "Designs", names, default=first, format_func=LABELS.get, key="plan_designs"
    )
    n_spots = int(section.measured.sum())
    written = ask_budgets(n_spots)
    one, two = st.columns(2)
    seeds = one.number_input("Draws of each", 1, 10, 3, key="plan_seeds",
                             help="Random designs are drawn anew, periodic ones shifted.")  # fmt: skip
    engine = two.selectbox("Imputed by", list(ENGINES), format_func=ENGINES.get, key="plan_engine")
    plan, wrong = None, ""
    try:
        check_size(section)
        plan = Plan(tuple(designs), read_budgets(written, n_spots), int(seeds), engine)
        plan.check(section)
    except S2SError as error:
        wrong = str(error)
    if wrong:
        st.warning(wrong)
    else:
        st.caption(how_many(plan))
    if st.button("Start", type="primary", key="plan_start", disabled=bool(wrong)):
        try:
            begin_study(section, "Plan", "plan", plan_task(plan))
        except S2SError as error:
            st.error(str(error))
            return
        st.rerun()


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
    return f"{plan.n_cases} cases: {product}, at {shares} of the spots. It can be paused."


def plan_result(study: jobs.Job, state: jobs.State) -> None:
    """Curves of what is finished, the goal, the recommendation and the files."""
    mark = mark_of_cases(study.result)
    if mark is None:
        st.info("The curves appear with the first finished cases.")
        return
    goal = ask_goal()
    try:
        found = read_outcome(study.id, mark, goal)
    except S2SError as error:
        # Cases without scores (too few spots) may be all that is finished so far.
        if state.status in jobs.ACTIVE:
            st.info("The curves appear with the first case that can be scored.")
        else:
            st.warning(str(error))
        return
    score = st.segmented_control(
        "Score", list(SCORES), default="reached", format_func=SCORES.get, key="plan_score",
        label_visibility="collapsed",
    ) or "reached"  # fmt: skip
    wanted = {"reached": goal.share}.get(score, float("nan"))
    figure = budget_curves(found.curve, score, LABELS, wanted)
    st.plotly_chart(figure, key="plan_curves", config={"displaylogo": False})
    st.caption(
        "Scores at the spots each design hides, log-normalised; bars are 90 % intervals by "
        "bootstrap over genes and draws."
    )
    for sentence in found.sentences:
        st.write("- " + sentence)
    with st.container(horizontal=True):
        for name, label in FILES.items():
            saved = download_name(section_of(study.id), f"plan-{name}")
            st.download_button(
                label, found.files[name], saved, key=f"plan-{name}", on_click="ignore"
            )


@st.cache_data(max_entries=KEPT, show_spinner=False)
def read_outcome(study_id: str, mark: tuple[int, int], goal: Goal) -> Outcome:  # noqa: ARG001 - part of the key
    """What is finished of a plan, read once for every new case (``mark``) and goal."""
    study = jobs.find(study_id)
    return outcome(section_of(study_id), study.result, plan_of(study), goal)


def ask_goal() -> Goal:
    """What the plan is to reach, and what measuring costs."""
    one, two, three = st.columns(3)
    threshold = one.slider("A gene must keep a PCC of", 0.1, 0.9, 0.5, 0.05, key="goal_pcc")
    share = two.slider("Share of genes that must", 10, 100, 80, 5, format="%d %%", key="goal_share")
    with three.popover("Costs"):
        currency = st.text_input("Currency", key="cost_currency", placeholder="EUR")
        spot = st.number_input("A spot", 0.0, value=1.0, key="cost_spot")
        row = st.number_input("A row of the array", 0.0, value=0.0, key="cost_row")
        region = st.number_input("A region (field of view)", 0.0, value=0.0, key="cost_region")
        fixed = st.number_input("The section itself", 0.0, value=0.0, key="cost_fixed")
    return Goal(threshold, share / 100, Cost(spot, row, region, fixed, currency))
