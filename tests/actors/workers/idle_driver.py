"""A driver whose workers never come: it says that it is ready and listens until its input closes."""

import sys

sys.stdout.write('{"type":"ready"}\nnot a report\n')
sys.stdout.flush()
sys.stdin.read()
