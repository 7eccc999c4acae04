"""Training: one loop, and the tasks that it trains."""

from __future__ import annotations

from explorer.training.autoencoders import train
from explorer.training.config import TrainingConfig
from explorer.training.loop import LOG, STATE
from explorer.training.step import schedule

__all__ = ["LOG", "STATE", "TrainingConfig", "schedule", "train"]
