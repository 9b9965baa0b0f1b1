"""Everything that a server and a worker share: database, spool, queue, secret, children."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from ..receipts import Signer
from ..settings import Settings
from ..state.database import open_database
from ..state.deliveries import Deliveries
from ..state.jobs import Jobs
from ..state.keys import ApiKeys
from ..state.replies import Replies
from .pool import Pool
from .queue import Queue
from .runner import Runner
from .spool import Spool
from .sweeper import Sweeper
from .webhooks import Courier


class Station(AbstractContextManager["Station"]):
    """Opened by `with`; `start` begins to work on jobs. Raises UsageError for settings that cannot be used."""

    def __init__(
        self,
        settings: Settings,
        *,
        courier: Courier | None = None,
        on_death: Callable[[str], None] = lambda reason: None,
        on_end: Callable[[str], None] = lambda state: None,
    ) -> None:
        self.settings = settings
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.signer = Signer.at(settings.folder / "secret")
        self.engine = open_database(settings.database_url)
        self.keys, self.jobs = ApiKeys(self.engine), Jobs(self.engine)
        self.replies, deliveries = Replies(self.engine), Deliveries(self.engine)
        self.spool = Spool(settings.spool_folder)
        self.pool = Pool(settings.job_pool, on_death)
        self.runner = Runner(
            jobs=self.jobs,
            deliveries=deliveries,
            spool=self.spool,
            pool=self.pool,
            signer=self.signer,
            courier=courier or Courier(frozenset(settings.webhook_hosts)),
            keep_uploads=settings.keep_uploads,
            lease=settings.lease,
            on_end=on_end,
        )
        self.queue = Queue(settings.queue_url, self.runner.run, self.runner.deliver)
        self.sweeper = Sweeper(
            self.jobs,
            self.replies,
            self.spool,
            self.queue,
            self.runner,
            settings.kept_seconds,
            settings.keep_uploads,
        )

    def start(self) -> None:
        """Work on jobs in `job_workers` threads, and look after lost ones."""
        if self.settings.job_workers:
            self.pool.start()
            self.queue.consume(self.settings.job_workers)
        self.sweeper.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain: take no more jobs, let those under way end within `drain` seconds, hand back the others."""
        self.sweeper.stop()
        late = threading.Timer(self.settings.drain, self.runner.draining.set)
        late.daemon = True
        late.start()
        self.queue.stop(self.settings.drain + 5.0)
        late.cancel()
        self.pool.close()
        self.spool.close()
        self.engine.dispose()
