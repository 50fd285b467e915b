"""What MLflow raises."""


class MlflowException(Exception):
    """As MLflow's."""
