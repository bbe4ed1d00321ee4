from ..commands.conftest import env as env
from ..commands.conftest import installed as installed
