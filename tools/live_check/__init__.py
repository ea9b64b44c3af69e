"""`make live-check`: asks an AWS account what only it can settle, and removes all that it made.

A check (checks.py) is a function that does something and says what it saw. story.py has the seed's
steps, the modules that play.ALL lists after it the open questions, world.py where they are asked:
an account, or a local AWS for rehearsal. state.py remembers what was made and seen, so that a run
that broke off goes on, and removal.py takes away what is written there and nothing else.
"""
