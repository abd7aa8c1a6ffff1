#!/usr/bin/env python3
"""OpenStack Swift with its S3 API, one account and one copy of everything, in one process and one folder.

    swift_server.py FOLDER PORT ACCESS_KEY SECRET_KEY

It answers at http://127.0.0.1:PORT until it is ended; the access key is ACCOUNT:USER. Swift is the S3 server that
knows neither conditional writes nor object lock.
"""
import array
import os
import pathlib
import sys

from swift.common.utils import eventlet_monkey_patch, set_swift_dir

eventlet_monkey_patch()

import eventlet  # noqa: E402
import eventlet.wsgi  # noqa: E402
from swift.account.server import AccountController  # noqa: E402
from swift.common import constraints, storage_policy  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingData  # noqa: E402
from swift.common.utils import NullLogger  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402
from swift.container.server import ContainerController  # noqa: E402
from swift.obj.server import ObjectController  # noqa: E402

DEVICE = "disk"
# The cache needs a server that is not there: each miss asks the services themselves.
PROXY = """[pipeline:main]
pipeline = cache s3api tempauth slo proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1

[filter:s3api]
use = egg:swift#s3api

[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {secret} .admin

[filter:slo]
use = egg:swift#slo
"""


def serve(folder, port, access_key, secret):
    os.fsync = os.fdatasync = lambda number: None  # A test's data may be lost.
    (folder / DEVICE).mkdir()
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = test\n", encoding="utf-8")
    set_swift_dir(str(folder))
    constraints.reload_constraints()
    storage_policy.reload_storage_policies()
    conf = {"devices": str(folder), "swift_dir": str(folder), "mount_check": "false"}
    for ring, service in (("account", AccountController), ("container", ContainerController),
                          ("object", ObjectController)):
        listener = eventlet.listen(("127.0.0.1", 0))
        device = {"id": 0, "region": 1, "zone": 1, "device": DEVICE, "ip": "127.0.0.1",
                  "port": listener.getsockname()[1]}
        RingData([array.array("H", [0, 0])], [device], 31).save(str(folder / f"{ring}.ring.gz"))
        eventlet.spawn(eventlet.wsgi.server, listener, service(conf), NullLogger(), protocol=SwiftHttpProtocol)
    proxy = folder / "proxy.conf"
    proxy.write_text(PROXY.format(user=access_key.replace(":", "_"), secret=secret), encoding="utf-8")
    application = loadapp(str(proxy), global_conf=conf)
    eventlet.wsgi.server(eventlet.listen(("127.0.0.1", port)), application, NullLogger(), protocol=SwiftHttpProtocol)


if __name__ == "__main__":
    serve(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
