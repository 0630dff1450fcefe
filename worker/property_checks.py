"""Policy, locks and units of the property file, with what one table asks of another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from worker.domain.house import Account, BatteryRules, House, Lock, Policy, TrailRules, Unit
from worker.property_findings import Findings, Path
from worker.property_schemas import BatterySchema, LockSchema, PolicySchema, TrailSchema, UnitSchema

__all__ = ["read_house"]

_LOCK_NAME = re.compile(r"[A-Za-z0-9]{3,32}")
_LONGEST_UNIT_NAME = 80
_DELAYS = ("retry_delays", "offline_delays")


def read_house(top: Mapping[str, Any], accounts: Mapping[str, Account], findings: Findings) -> House:
    """Read policy, locks and units; `top` is the file's top level, already of the right kinds."""
    base = House(accounts=MappingProxyType(dict(accounts)), locks={}, units={})
    house = replace(
        base,
        zone=top.get("timezone", base.zone),
        policy=_policy(top.get("policy", {}), base.policy, ("policy",), findings),
        trail=TrailRules(**findings.load(TrailSchema(), top.get("trail", {}), ("trail",))),
        battery=_battery(top.get("battery", {}), findings),
    )
    house = replace(house, locks=MappingProxyType(_locks(top, house, findings)))
    units = {name: _unit(name, table, top, house, findings) for name, table in top.get("units", {}).items()}
    _check_aliases(units, findings)
    return replace(house, units=MappingProxyType(units))


def _policy(table: object, base: Policy, path: Path, findings: Findings) -> Policy:
    """`base` with what `table` says otherwise, field by field."""
    given = findings.load(PolicySchema(), table, path)
    delays = {name: tuple(given[name]) for name in _DELAYS if name in given}
    policy = replace(base, **{**given, **delays})
    # Only where the table has a part in it: a fault of `[policy]` is not told again for each unit.
    if {"first_slot", "last_slot"} & set(given) and policy.first_slot > policy.last_slot:
        key = "first_slot" if "first_slot" in given else "last_slot"
        cause = f"leaves no slot, first_slot {policy.first_slot} comes after last_slot {policy.last_slot}"
        findings.add((*path, key), cause, "choose first_slot no greater than last_slot")
    return policy


def _battery(table: object, findings: Findings) -> BatteryRules:
    given = findings.load(BatterySchema(), table, ("battery",))
    rules = BatteryRules(**given)
    if "low_before_arrival" not in given:
        return replace(rules, low_before_arrival=max(rules.low_before_arrival, rules.low))
    if rules.low_before_arrival < rules.low:
        cause = f"is {rules.low_before_arrival}, below low, which is {rules.low}"
        findings.add(("battery", "low_before_arrival"), cause, "choose it no smaller than low")
    return rules


def _locks(top: Mapping[str, Any], house: House, findings: Findings) -> dict[str, Lock]:
    locks: dict[str, Lock] = {}
    for name, table in top.get("locks", {}).items():
        path: Path = ("locks", name)
        given = findings.load(LockSchema(), table, path)
        if not _LOCK_NAME.fullmatch(name):
            cure = "write the name the vendor gave it, 3 to 32 letters and digits, such as SS000001"
            findings.add(path, "is not the name of a lock", cure)
        account = given.get("account", "default")
        if account not in house.accounts:
            cause = f"there is no account {account!r}"
            findings.add((*path, "account"), cause, "add a table [accounts.…] for it, or mend the name")
        locks[name] = Lock(
            name=name,
            zone=given.get("timezone", house.zone),
            account=account,
            title=given.get("title", ""),
            reader=given.get("reader", False),
        )
    return locks


def _unit(name: str, table: object, top: Mapping[str, Any], house: House, findings: Findings) -> Unit:
    path: Path = ("units", name)
    given = findings.load(UnitSchema(), table, path)
    if not 1 <= len(name) <= _LONGEST_UNIT_NAME or "/" in name or not name.isprintable():
        cure = f"use 1 to {_LONGEST_UNIT_NAME} printable characters without a slash"
        findings.add(path, "is not a name for a unit", cure)
    _check_locks(table, top, path, findings)
    plain = Unit(name=name, zone=house.zone, locks=())
    return Unit(
        name=name,
        zone=given.get("timezone", house.zone),
        locks=tuple(given.get("locks", ())),
        check_in=given.get("check_in", top.get("check_in", plain.check_in)),
        check_out=given.get("check_out", top.get("check_out", plain.check_out)),
        policy=_policy(given.get("policy", {}), house.policy, (*path, "policy"), findings),
        aliases=MappingProxyType(_aliases(given.get("aliases", {}), path, findings)),
    )


def _check_locks(table: object, top: Mapping[str, Any], path: Path, findings: Findings) -> None:
    """Look at the list as it was written, so that the positions are those a reader counts."""
    listed = table.get("locks") if isinstance(table, Mapping) else None
    names = listed if isinstance(listed, list) else []
    known = top.get("locks", {})
    for index, name in enumerate(names):
        if not isinstance(name, str):
            continue
        at: Path = (*path, "locks", index)
        if name not in known:
            cure = f"add a table [locks.{name[:40]}], or mend the name"
            findings.add(at, f"there is no lock {name[:40]!r}", cure)
        if name in names[:index]:
            findings.add(at, f"names the lock {name[:40]!r} a second time", "name each lock once")


def _aliases(table: Mapping[str, object], path: Path, findings: Findings) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for source, called in table.items():
        if isinstance(called, str) and called:
            aliases[source] = called
        else:
            cure = "write what that source calls this unit, in quotes, numbers too"
            findings.add((*path, "aliases", source), "is not a text", cure)
    return aliases


def _check_aliases(units: Mapping[str, Unit], findings: Findings) -> None:
    owners: dict[tuple[str, str], str] = {}
    for unit in units.values():
        for source, called in unit.aliases.items():
            owner = owners.setdefault((source, called), unit.name)
            if owner != unit.name:
                cause = f"{called!r} is already the name that {source} has for the unit {owner!r}"
                findings.add(("units", unit.name, "aliases", source), cause, "give each unit its own name")
