from tests.server.development.conftest import tmp_path

__all__ = ["tmp_path"]
