"""Task metrics: how close an answer is to the dataset's expected answer, from 0 to 1."""

from engine.metrics.catalog import METRICS, MetricError, guess_metric, metric_named
from engine.metrics.floor import Floor, majority_floor
from engine.metrics.metric import Metric

__all__ = ["METRICS", "Floor", "Metric", "MetricError", "guess_metric", "majority_floor", "metric_named"]
