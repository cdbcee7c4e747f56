"""The writing of games in groups, each group in one transaction."""

from workers.committer.group_commit import committer
from workers.committer.in_hand import Deadly, forget_holders

__all__ = ["Deadly", "committer", "forget_holders"]
