"""Joins parts of a query without repetition, and finds a term that is asked for and left out at once."""

from __future__ import annotations

from viewer.relevance.query.tree import All, AnyOf, Like, Near, Query, Term, Without


def all_of(parts: list[Query | None]) -> Query | None:
    """AND without repetition; what a part excludes is excluded from the whole."""
    required: list[Query] = []
    left_out: list[Query | None] = []
    for part in parts:
        for piece in part.parts if isinstance(part, All) else (part,):
            base = piece
            if isinstance(piece, Without):
                left_out.append(piece.excluded)
                base = piece.base
            required += base.parts if isinstance(base, All) else () if base is None else (base,)
    required = list(dict.fromkeys(required))
    whole = required[0] if len(required) == 1 else All(tuple(required)) if required else None
    excluded = any_of(left_out)
    return whole if excluded is None else Without(whole, excluded)


def kept_of(query: Query | None) -> Query | None:
    """A query less what it leaves out."""
    return query.base if isinstance(query, Without) else query


def any_of(parts: list[Query | None]) -> Query | None:
    """OR without repetition."""
    flat: list[Query] = []
    for part in parts:
        flat += part.parts if isinstance(part, AnyOf) else () if part is None else (part,)
    flat = list(dict.fromkeys(flat))
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat)) if flat else None


def contradiction_in(query: Query) -> str | None:
    """A term that the query both demands and leaves out."""
    match query:
        case Without(base, excluded):
            out = {_meaning(leaf): leaf for leaf in _alternatives(excluded)}
            for leaf in _demanded(base) if base is not None else ():
                if _meaning(leaf) in out and isinstance(leaf, Term):
                    return leaf.text
            return (contradiction_in(base) if base is not None else None) or contradiction_in(excluded)
        case All(parts) | AnyOf(parts):
            return next((clash for part in parts if (clash := contradiction_in(part))), None)
        case Near(base, other, _):
            return (contradiction_in(base) if base is not None else None) or contradiction_in(other)
        case _:
            return None


def _meaning(leaf: Term | Like) -> object:
    return (leaf.weights or leaf.text.casefold()) if isinstance(leaf, Term) else leaf


def _demanded(query: Query) -> tuple[Term | Like, ...]:
    match query:
        case All(parts):
            return tuple(leaf for part in parts for leaf in _demanded(part))
        case Without(base, _) | Near(base, _):
            return _demanded(base) if base is not None else ()
        case AnyOf():
            return ()
        case _:
            return (query,)


def _alternatives(query: Query) -> tuple[Term | Like, ...]:
    """The terms of which each one alone excludes."""
    if isinstance(query, AnyOf):
        return tuple(leaf for part in query.parts for leaf in _alternatives(part))
    return (query,) if isinstance(query, Term | Like) else ()
