"""The sandbox goes wrong exactly as its rules and rates say."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.sandbox_kit import LOCK, Stage, StandingClock, stage, wait_until
from worker.kas.sandbox import Setup

WORDS = {
    2: "Error. Internal interface error. Failed. Timeout.",
    3: "Instruction not pushed yet",
    4: "Error. Internal interface error. Failed. Timeout.",
    5: "Pending",
    6: "Error. Internal interface error. Failed. Timeout.",
    7: "Instruction still in queue",
    8: "Failed. Gateway offline or lock out of range.",
    10: "instruction pending",
    42: "Unknown",
}


@pytest.mark.parametrize(("ack", "words"), WORDS.items())
@pytest.mark.parametrize("executed", [True, False])
def test_ack(ack: int, words: str, executed: bool) -> None:  # noqa: FBT001 - a case, not an interface
    """Any ack with the document's words, the code on the lock or not, once."""
    with stage() as scene:
        scene.control.add_fault("ack", ack=ack, executed=executed, op="add")
        answer = scene.add()
        assert (200, {"ack": ack, "message": words}) == (answer.status_code, answer.json())
        assert ([120] if executed else []) == scene.slots()
        assert 1 == scene.add().json()["ack"]


def test_no_ack_and_other_words() -> None:
    """`ack: null` leaves the ack out; `message` replaces the words."""
    with stage() as scene:
        scene.control.add_fault("ack", ack=None, message="Hm.")
        assert {"message": "Hm."} == scene.delete(password_id=120).json()


def test_ack_1_by_rule_is_a_whole_success() -> None:
    """An ack 1 for an add that was not carried out bears the list, without the code."""
    with stage() as scene:
        scene.control.add_fault("ack", ack=1)
        data = scene.add().json()
        assert (1, []) == (data["ack"], data["l_passwords"])


def test_late_execution_waits_for_its_hour() -> None:
    """A pending add is visible as late, reaches the lock when due, and sends its e-mail only then."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.control.add_fault("ack", ack=5, executed="late", late_seconds=90)
        assert 5 == scene.add(email_checked=True).json()["ack"]
        (late,) = scene.control.state()["pending_late"]
        expected = ("2026-11-22T10:01:30.000Z", LOCK, "add", 1)
        assert expected == (late["due"], late["lock"], late["op"], late["call"])
        clock.forward(89)
        assert ([], []) == (scene.slots(), scene.control.emails())
        assert "late" == scene.control.calls(op="add")[0]["executed"]
        clock.forward(1)
        assert ([120], 1) == (scene.slots(), len(scene.control.emails()))
        assert [] == scene.control.state()["pending_late"]
        assert "late_done" == scene.control.calls(op="add")[0]["executed"]


def test_late_commands_arrive_in_order_of_time_and_overwrite() -> None:
    """A late delete removes what was pushed meanwhile: the vendor may apply a timed-out command late."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.control.add_fault("status", op="delete", executed="late", late_seconds=60)
        assert 504 == scene.delete(password_id=120).status_code
        scene.add()
        assert [120] == scene.slots()
        clock.forward(60)
        assert [] == scene.slots()


def test_a_late_command_that_no_longer_fits_is_lost() -> None:
    """A late add whose PIN is taken by then, or whose gateway is offline by then, never shows."""
    clock = StandingClock()
    with stage(Setup(locks=[LOCK, "SS000002"]), clock) as scene:
        scene.control.add_fault("ack", ack=5, executed="late", late_seconds=60, times=2)
        scene.add()
        scene.add(lock="SS000002")
        scene.add(slot=130)
        scene.control.set_lock("SS000002", gateway_online=False)
        clock.forward(60)
        assert ([130], []) == (scene.slots(), scene.slots("SS000002"))


def test_504_bears_the_document_s_body_and_a_reference() -> None:
    """Status 504: ack, message and a reference in the document's form."""
    with stage() as scene:
        scene.control.add_fault("status", executed="yes")
        answer = scene.add()
        data = answer.json()
        assert (504, 504) == (answer.status_code, data["ack"])
        assert "Gateway timeout. You should retry the request again now." == data["message"]
        assert ["ack", "message", "ref"] == list(data)
        assert 9 == len(data["ref"])
        assert "-" == data["ref"][4]
        assert [120] == scene.slots()


@pytest.mark.parametrize(
    ("status", "form", "kind"),
    [(500, "plain", "text/plain"), (502, "html", "text/html"), (503, "json", "application/json")],
)
def test_other_statuses(status: int, form: str, kind: str) -> None:
    """Any status with a body of the wanted form; nothing is carried out unless told."""
    with stage() as scene:
        scene.control.add_fault("status", status=status, body=form, op="add")
        answer = scene.add()
        assert status == answer.status_code
        assert answer.headers["content-type"].startswith(kind)
        if form == "plain":
            assert "Unknown Error" == answer.text
        assert [] == scene.slots()


@pytest.mark.parametrize("how", ["half", "nothing", "reset"])
@pytest.mark.parametrize("executed", ["yes", "no"])
def test_cut(how: str, executed: str) -> None:
    """F24: the connection breaks amid the answer, before it, or by a reset; the code is there or not."""
    with stage() as scene:
        scene.control.add_fault("cut", how=how, executed=executed, op="add")
        with pytest.raises(httpx.TransportError):
            scene.add()
        assert ([120] if executed == "yes" else []) == scene.slots()


def test_cut_in_half_shows_the_status_first() -> None:
    """Half an answer: status and headers arrive, the body breaks off."""
    with stage() as scene:
        scene.control.add_fault("cut", how="half")
        url, headers = f"lockCommand/remotePassword/{LOCK}", {"x-auth-token": scene.key}
        with scene.http.stream("GET", url, headers=headers) as answer:
            assert 200 == answer.status_code
            with pytest.raises(httpx.RemoteProtocolError):
                answer.read()


@pytest.mark.parametrize("executed", [True, False])
def test_hang(executed: bool) -> None:  # noqa: FBT001 - a case, not an interface
    """A hanging call is carried out or not, is never answered, and is over when the client leaves."""
    with stage() as scene:
        scene.control.add_fault("hang", executed=executed, op="add")
        scene.aside(scene.add)
        wait_until(lambda: _outcome(scene) == "fault:hang", "the call to hang")
        assert ([120] if executed else []) == scene.slots()
        (call,) = scene.control.calls(op="add")
        assert (None, None) == (call["status"], call["ended"])


def test_html_and_garbage() -> None:
    """F27: a page with status 200, and JSON that breaks off."""
    with stage() as scene:
        scene.control.add_fault("html")
        scene.control.add_fault("garbage")
        page, broken = scene.add(), scene.add()
        assert (200, True) == (page.status_code, page.text.startswith("<!DOCTYPE html>"))
        assert (200, "application/json; charset=utf-8") == (
            broken.status_code,
            broken.headers["content-type"],
        )
        with pytest.raises(ValueError, match="Unterminated"):
            broken.json()
        assert [] == scene.slots()


@pytest.mark.parametrize("op", ["add", "list"])
def test_other_lock_and_no_list(op: str) -> None:
    """The answer names another lock, or lacks l_passwords, though all went well."""
    with stage() as scene:
        scene.control.add_fault("other_lock", op=op)
        scene.control.add_fault("no_list", op=op)
        first, second = (scene.add().json() if op == "add" else scene.read().json() for _ in range(2))
        assert "SS999999" == first["l_factory_name"]
        assert "l_passwords" in first
        assert LOCK == second["l_factory_name"]
        assert "l_passwords" not in second
        assert ([120] if op == "add" else []) == scene.slots()


def test_text() -> None:
    """Any plain words with any status, 400 unless told."""
    with stage() as scene:
        scene.control.add_fault("text", text="Password is already existing.")
        scene.control.add_fault("text", text="Invalid Token.", status=401)
        answers = (scene.add(), scene.read())
        expected = [(400, "Password is already existing."), (401, "Invalid Token.")]
        assert expected == [(answer.status_code, answer.text) for answer in answers]
        assert all(answer.headers["content-type"].startswith("text/plain") for answer in answers)


def test_throttle() -> None:
    """F26: 429 with Retry-After, nothing done."""
    with stage() as scene:
        scene.control.add_fault("throttle", seconds=7)
        answer = scene.add()
        assert (429, "7") == (answer.status_code, answer.headers["retry-after"])
        assert [] == scene.slots()


def test_slow() -> None:
    """A slow call is answered honestly, that much later."""
    with stage() as scene:
        scene.control.add_fault("slow", seconds=0.05)
        assert 1 == scene.add().json()["ack"]
        (call,) = scene.control.calls()
        assert call["ended_epoch"] is not None
        assert 0.05 <= call["ended_epoch"] - call["at_epoch"]


@pytest.mark.parametrize("shown", [True, False])
def test_lose(shown: bool) -> None:  # noqa: FBT001 - a case, not an interface
    """Ack 1 for an add that never reached the lock; its answer shows the code only if told to."""
    with stage() as scene:
        scene.control.add_fault("lose", shown=shown)
        data = scene.add(email_checked=True).json()
        assert 1 == data["ack"]
        assert ([120] if shown else []) == [entry["password_id"] for entry in data["l_passwords"]]
        assert ([], []) == (scene.slots(), scene.control.emails())


def test_a_lost_delete_leaves_the_code() -> None:
    """Ack 1, and the code is still there."""
    with stage() as scene:
        scene.add()
        scene.control.add_fault("lose", op="delete")
        assert 1 == scene.delete(password_id=120).json()["ack"]
        assert [120] == scene.slots()


def test_rules_choose_by_op_lock_and_account() -> None:
    """A rule spoils only the calls it names."""
    with stage(Setup(locks=[LOCK, "SS000002"])) as scene:
        scene.control.add_fault("ack", ack=2, op="add", lock="SS000002", times=None)
        scene.control.add_fault("ack", ack=4, account="other", times=None)
        assert 1 == scene.add().json()["ack"]
        assert 1 == scene.delete("SS000002", password_id=120).json()["ack"]
        assert [2, 2] == [scene.add(lock="SS000002").json()["ack"] for _ in range(2)]


def test_rules_skip_and_count() -> None:
    """`skip` calls pass, `times` fail, the rest pass; the rule shows what it did."""
    with stage() as scene:
        number = scene.control.add_fault("ack", ack=2, skip=2, times=2)
        assert [1, 1, 2, 2, 1] == [scene.clock().json()["ack"] for _ in range(5)]
        (rule,) = scene.control.faults()
        assert (number, 4, 2) == (rule["id"], rule["matched"], rule["used"])


def test_rules_can_be_lifted() -> None:
    """One by number, or all."""
    with stage() as scene:
        first = scene.control.add_fault("ack", ack=2, times=None)
        scene.control.add_fault("ack", ack=4, times=None)
        assert 2 == scene.clock().json()["ack"]
        assert 1 == scene.control.clear_faults(first)
        assert 4 == scene.clock().json()["ack"]
        assert 1 == scene.control.clear_faults()
        assert 1 == scene.clock().json()["ack"]


def test_a_refused_call_uses_up_no_rule() -> None:
    """What the cloud itself refuses never meets a fault."""
    with stage() as scene:
        scene.control.add_fault("ack", ack=2)
        assert 400 == scene.add(slot=7).status_code
        assert 2 == scene.add().json()["ack"]


def test_an_offline_gateway_cannot_execute_whatever_the_rule_says() -> None:
    """A 504 that "executed" does nothing behind a dead gateway; the call's record tells the truth."""
    with stage() as scene:
        scene.control.set_lock(LOCK, gateway_online=False)
        scene.control.add_fault("status", executed=True)
        assert 504 == scene.add().status_code
        assert ([], "no") == (scene.slots(), scene.control.calls(op="add")[0]["executed"])


def _outcome(scene: Stage) -> str:
    calls = scene.control.calls(op="add")
    return calls[0]["outcome"] if calls else ""
