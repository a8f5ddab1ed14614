"""Searching settings: `runbot.py optimize`. What is searched, what "better" means, and how much of it is chance.

A search runs many settings over one part of a recording, takes the best by an objective, and runs it over a part that
no search saw (`search`). Trials may be run by a faster engine than the bot; whatever is printed is the bot's own run,
and a difference between the two is an error (`engines`, `finalists`). docs/OPTIMIZING.md says how to read what comes
out.

| module | subject |
|---|---|
| `space`, `objectives` | what may be searched; what is wanted |
| `folds` | which data are searched and which are kept for the test |
| `null` | the same candles with random signs |
| `markets`, `engines`, `trades` | parts of the data, who runs settings there, what comes of it |
| `storage`, `journal_file`, `study` | Optuna: where a search is kept, what is tried next |
| `search`, `finalists`, `noise` | fold after fold; the best with the bot itself; intervals |
| `findings`, `verdict`, `page` | the result as JSON, in words, in a page |

Needs `requirements-optimize.txt`; only `commands.optimize` imports any of it.
"""
