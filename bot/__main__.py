"""`python -m bot` is `troupe`."""

import sys

from bot.cli import main

sys.exit(main())
