"""gunicorn's own lines, on the clock and in the form of all others."""

from gunicorn.glogging import Logger

from server import env
from workers.monitoring.lines import JsonLines, Lines


class OurLines(Logger):
    """Named by the Procfile: `--logger-class`. gunicorn would write its master's zone, and Sydney's in its workers."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonLines() if env.flag("JSON_LOGS") else Lines())
