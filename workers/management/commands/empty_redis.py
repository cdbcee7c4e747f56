"""What operators type when a backup of PostgreSQL has been restored: the messages in Redis are of another time."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from workers.backing_services import address, explain_unreachable
from workers.broker import connect


class Command(BaseCommand):
    help = "Deletes everything in the database of Redis that REDIS_URL names, and looks whether it is empty then."
    requires_system_checks = ()  # the tables may not be there yet

    def handle(self, *args: Any, **options: Any) -> None:
        client = connect(settings.REDIS_URL, retries=0)
        try:
            before = client.dbsize()
            client.flushdb(asynchronous=False)
            after = client.dbsize()
        except RedisError as error:
            raise CommandError(f"Nothing was deleted. {explain_unreachable(error)}") from None
        finally:
            client.close()
        where = address(settings.REDIS_URL)
        if after:
            raise CommandError(f"{where} has {after} keys again: stop worker, scheduler and web, and repeat this.")
        self.stdout.write(f"{where} is empty; keys deleted: {before}.")
