"""The declarations: what the papers and their authors' code say."""

from __future__ import annotations

import pytest

from zplus_plugins.cli.paper.reproduce import TABLES
from zplus_plugins.inversion import SPACES
from zplus_plugins.reproduce import PROTOCOLS, Protocol
from zplus_plugins.reproduce.protocols import BDINVERT, FIG5, TABLE1, TABLE_LSAP

every = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)


def test_the_command_has_them_all() -> None:
    assert tuple(PROTOCOLS) == TABLES


@every
def test_published_figures_are_of_the_table_s_columns(protocol: Protocol) -> None:
    assert set(protocol.spaces) <= set(SPACES) and len(set(protocol.spaces)) == len(protocol.spaces)
    for row in protocol.rows:
        assert set(row.published) <= set(protocol.figures)
        assert row.space is not None or row.remark, "a row that is not run says how it is to be had"


def test_table_1_is_the_paper_s() -> None:
    rows = {row.label: (row.published["mse"], row.published["ssim"]) for row in TABLE1.rows}
    assert rows == {
        "Z": (0.18149, 0.61155),
        "Z+": (0.12117, 0.68930),
        "W+(P_N)": (0.11965, 0.68190),
        "W+": (0.04872, 0.76101),
        "F/Z": (0.02679, 0.78965),
        "F/Z+": (0.01742, 0.81477),
        "F/W+(P_N)": (0.01743, 0.81479),
        "IDInvert": (0.02155, 0.64993),
    }
    assert (TABLE1.pictures, TABLE1.tested, TABLE1.directions) == (50, True, 0)


def test_figure_5_is_the_paper_s() -> None:
    assert {row.label: row.published["identity"] for row in FIG5.rows} == {"F/Z+": 0.373, "F/W+": 0.327}
    assert (FIG5.pictures, FIG5.directions) == (50, 5)


def test_the_settings_are_those_of_bdinvert_s_script() -> None:
    """``--num_iters``, ``--lr`` and three weights; its Adam is torch's, and its rate is constant."""
    stated = (BDINVERT.steps, BDINVERT.lr, BDINVERT.f_lr, BDINVERT.likeness, BDINVERT.keep_f, BDINVERT.pn)
    assert stated == (1200, 0.01, 0.01, 10, 10, 0.01)
    assert BDINVERT.rates == "plain"
    for protocol in (TABLE1, FIG5):
        assert protocol.settings == BDINVERT
        assert (protocol.truncation.psi, protocol.truncation.cutoff) == (0.7, 8)


def test_lsap_s_own_figures_are_left_out_because_none_was_seen() -> None:
    assert not any("nscd" in row.published for row in TABLE_LSAP.rows)
    assert [row.label for row in TABLE_LSAP.rows if row.space is None] == ["LSAP_E"]
    assert TABLE_LSAP.truncation.psi == 1
