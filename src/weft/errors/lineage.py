"""Errors of stages, their runs and their lineage records."""

from __future__ import annotations

from weft.errors.base import ConcurrencyError, EnvironmentFault, RefusedInput


class StageFault(RefusedInput):
    """A stage of ``weft.yaml`` cannot be run as it is written."""

    code = "E_STAGE"


class NoSuchStage(RefusedInput):
    """No stage has the name that was given."""

    code = "E_NO_STAGE"


class GraphFault(RefusedInput):
    """The stages form a cycle, or two of them claim the same path."""

    code = "E_GRAPH"


class MissingDependency(RefusedInput):
    """A dependency of a stage is not there, or neither Git nor weft tracks it."""

    code = "E_DEP"


class LeftOut(RefusedInput):
    """A sparse checkout leaves out of the work tree what is asked for, or what a stage reads."""

    code = "E_LEFT_OUT"


class ValuesFault(RefusedInput):
    """A params or metrics file cannot be read as a mapping of values, or lacks a key that a stage names."""

    code = "E_VALUES"


class HookRefused(RefusedInput):
    """Git hooks cannot be installed where Git looks for them, or cannot run weft from where it is."""

    code = "E_HOOK"


class StageFailed(EnvironmentFault):
    """The command of a stage failed, was killed, or did not write what it declares."""

    code = "E_RUN"


class InputChanged(ConcurrencyError):
    """A dependency of a stage changed while its command ran."""

    code = "E_INPUT_CHANGED"
