"""The rows of the menu *Review*."""

from __future__ import annotations

from viewer.ui.widgets.action_spec import Need, action_spec

REVIEW = (
    action_spec(
        "Review",
        "worklist",
        "Worklist…",
        "List the cases to be read, add some, and open one",
        "Ctrl+J",
        icon="worklist",
        need=Need.NOTHING,
    ),
    action_spec(
        "Review",
        "next_case",
        "Next case",
        "Open the case after this one in the worklist",
        "Ctrl+PgDown",
        icon="next",
        handler="step_case",
        argument=1,
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "previous_case",
        "Previous case",
        "Open the case before this one in the worklist",
        "Ctrl+PgUp",
        icon="previous",
        handler="step_case",
        argument=-1,
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "opinion",
        "Answer the questions",
        "Go to the questions of this case",
        "Ctrl+Return",
        icon="properties",
        need=Need.CASE,
        section=True,
    ),
    action_spec(
        "Review",
        "mark_finding",
        "Mark a finding here",
        "Mark what lies under the pointer, or in the middle of the view",
        "Z",
        icon="like",
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "frame_finding",
        "Frame a finding",
        "Draw a frame around a finding",
        "Shift+Z",
        icon="contours",
        need=Need.CASE,
        checkable=True,
    ),
    action_spec(
        "Review",
        "findings",
        "Answer the findings",
        "Go to the list of findings; A, D, F and U answer one, N and P step",
        "Y",
        icon="next_hit",
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "sign",
        "Sign the reading",
        "Go to what is open, and to the signature",
        "Shift+Y",
        icon="save",
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "report",
        "Report…",
        "Save the report of this case as PDF, web page or data",
        "Ctrl+Shift+R",
        icon="save",
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "close_case",
        "Leave the case",
        "Keep what was recorded, and go on another time",
        "Ctrl+Shift+J",
        icon="close",
        need=Need.CASE,
    ),
    action_spec(
        "Review",
        "coverage_map",
        "Tissue not displayed",
        "Colour what was not displayed",
        "V",
        checkable=True,
        section=True,
    ),
    action_spec(
        "Review",
        "next_not_displayed",
        "Next tissue not displayed",
        "Go to it, at the magnification that is asked for",
        "Shift+V",
    ),
    action_spec(
        "Review",
        "export_stream",
        "Export viewing record…",
        "Save what was displayed",
        "Ctrl+Shift+V",
        icon="save",
        section=True,
    ),
)

ADVICE = frozenset(
    {
        *("find", "next_hit", "previous_hit", "why", "like", "unlike", "overlay", "full_legend", "contours"),
        *("flashlight", "pin", "pause", "add_map", "export_places", "export_layer"),
        *("show_query", "show_attention"),
    }
)
"""The actions that show what the program, or another one, says about a slide."""
