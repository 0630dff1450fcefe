"""The rules of Innkey as pure functions: plain data and `now` in, decisions out.

Nothing here touches the world.
"""
