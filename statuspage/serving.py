"""gunicorn's settings for one region's site. A file, because it ignores names that an older gunicorn does not know."""

worker_class = "gthread"
threads = 4
keepalive = 30
timeout = 30
graceful_timeout = 10
control_socket_disable = True
